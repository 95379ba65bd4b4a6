# METADATA
# title: Conventions
# description: >-
#   What every policy source here keeps to, judged over the output of `opa inspect` and `opa parse`. The input holds
#   `inspect`, `modules` (path to syntax tree, tests left out), `files` (all paths), `codes` (codes.json) and
#   `builtins` (the names in capabilities.json).
package conventions

import future.keywords.not

# METADATA
# title: A package has a title and a description
# description: Helpers need no description.
violations contains _at(path, 1, "package-metadata", $"the package lacks a {field} in its METADATA") if {
	some path, module in input.modules
	some field in _package_fields(path)
	not _text(_package_annotation(module)[field])
}

_package_fields(path) := ["title"] if startswith(path, "lib/")

_package_fields(path) := ["title", "description"] if not startswith(path, "lib/")

# METADATA
# title: A public rule has a title
# description: One METADATA block suffices for all definitions of a rule; private rules begin with an underscore.
violations contains _at(path, row, "rule-metadata", $"the rule {name} lacks a METADATA block with a title") if {
	some path, module in input.modules
	some rule in module.rules
	name := _name(rule)
	not startswith(name, "_")
	not name in _titled(module)
	row := rule.location.row
}

# METADATA
# title: A refusal says everything about itself
# description: Each definition of deny and admission_deny has a METADATA block of its own, and none of it is empty.
violations contains _at(path, rule.location.row, "refusal-metadata", $"the refusal lacks {field} in its METADATA") if {
	some path, module in input.modules
	some rule in _refusals(module)
	some field in ["title", "description", "code", "severity", "remedy", "owner", "since"]
	not _complete(rule, field)
}

_complete(rule, field) if {
	field in {"title", "description"}
	_text(rule.annotations[0][field])
}

_complete(rule, "code") if regex.match(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$`, rule.annotations[0].custom.code)

_complete(rule, "severity") if rule.annotations[0].custom.severity in {"low", "medium", "high", "critical"}

_complete(rule, "since") if regex.match(`^\d+\.\d+\.\d+$`, rule.annotations[0].custom.since)

_complete(rule, field) if {
	field in {"remedy", "owner"}
	_text(rule.annotations[0].custom[field])
}

# METADATA
# title: Only who may not delete is told nothing else
# description: A refusal that hides all others stands in caller_permission and nowhere else.
violations contains _at(path, rule.location.row, "exclusive", "the key exclusive belongs to caller_permission alone") if {
	some path, module in input.modules
	some rule in _refusals(module)
	expected := {true | path == "rules/caller_permission/caller_permission.rego"}
	{flag | flag := rule.annotations[0].custom.exclusive} != expected
}

# METADATA
# title: A refusal is made from its METADATA
# description: Then code and remedy are written once, and every refusal has all its fields.
violations contains _at(path, rule.location.row, "refusal-form", "a refusal is violation.new(rego.metadata.chain(), …)") if {
	some path, module in input.modules
	some rule in _refusals(module)
	not _made_from_metadata(rule)
}

_made_from_metadata(rule) if {
	rule.head.key.type == "call"
	_ref(rule.head.key.value[0]) == "violation.new"
	rule.head.key.value[1].type == "call"
	_ref(rule.head.key.value[1].value[0]) == "rego.metadata.chain"
}
