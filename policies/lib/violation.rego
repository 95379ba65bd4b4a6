# METADATA
# title: Violations
package portcullis.lib.violation

# METADATA
# title: One reason to refuse
# description: >-
#   Takes the metadata chain of the rule that refuses (its code and remedy are written there, once), a message for
#   people, and the facts that the message rests on. Never undefined: a violation without metadata is still one.
new(chain, message, details) := {
	"code": object.get(chain[0], ["annotations", "custom", "code"], "POLICY_INCOMPLETE"),
	"rule": object.get(chain[0], ["path", 2], "policy"),
	"message": message,
	"remedy": object.get(chain[0], ["annotations", "custom", "remedy"], "Ask the platform team to complete the policy."),
	"details": details,
	"exclusive": object.get(chain[0], ["annotations", "custom", "exclusive"], false),
}
