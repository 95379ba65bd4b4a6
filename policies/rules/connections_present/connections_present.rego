# METADATA
# title: Connections
# description: >-
#   A gateway that still carries IPsec connections is in use.
package portcullis.rules.connections_present

import data.portcullis.lib.facts
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: No connection is left
# description: Refuses a gateway with IPsec connections and says which.
# custom:
#   code: CONNECTIONS_PRESENT
#   severity: critical
#   remedy: >-
#     Delete the connections first, if nobody needs them, then ask again.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The gateway still has IPsec connections ({_number}): {_listed}.",
	{"total": facts.connection_total, "connectionIds": _ids},
) if {
	_present
}

_present if facts.connection_total > 0

_present if count(facts.connections) > 0

_number := max([number |
	some number in [facts.connection_total, count(_labels)]
	is_number(number)
])

_ids := [connection.vpnConnectionId |
	some connection in facts.connections
	is_string(connection.vpnConnectionId)
]

_labels := [_label(connection) | some connection in facts.connections]

_label(connection) := $"{connection.vpnConnectionId} ({connection.name})" if _named(connection)

_label(connection) := $"{connection.vpnConnectionId}" if not _named(connection)

_named(connection) if {
	is_string(connection.name)
	connection.name != ""
}

_shown := 20

_listed := "the cloud does not say which" if count(_labels) == 0

_listed := concat(", ", _labels) if {
	count(_labels) > 0
	count(_labels) <= _shown
}

_listed := $"{concat(", ", array.slice(_labels, 0, _shown))} and {count(_labels) - _shown} more" if {
	count(_labels) > _shown
}
