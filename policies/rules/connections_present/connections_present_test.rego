package portcullis.rules.connections_present_test

import data.portcullis.fixtures
import data.portcullis.rules.connections_present

test_no_connection_passes if {
	connections_present.deny == set() with input as fixtures.decided
}

test_connections_are_named if {
	connections_present.deny == {{
		"code": "CONNECTIONS_PRESENT",
		"rule": "connections_present",
		"message": "The gateway still has IPsec connections (2): vco-a (office), vco-b.",
		"remedy": "Delete the connections first, if nobody needs them, then ask again.",
		"details": {"total": 2, "connectionIds": ["vco-a", "vco-b"]},
		"exclusive": false,
	}} with input as fixtures.connections(2, [
		{"vpnConnectionId": "vco-a", "name": "office"},
		{"vpnConnectionId": "vco-b", "name": null},
	])
}

test_a_count_without_a_list_is_refused if {
	_messages == {"The gateway still has IPsec connections (3): the cloud does not say which."} with input as fixtures.connections(3, [])
}

test_a_list_without_a_count_is_refused if {
	_messages == {"The gateway still has IPsec connections (1): vco-a (a)."} with input as fixtures.connections(
		null,
		[{"vpnConnectionId": "vco-a", "name": "a"}],
	)
}

test_an_unreadable_connection_counts if {
	_messages == {"The gateway still has IPsec connections (1): <undefined>."} with input as fixtures.connections(0, [{}])
}

test_a_count_that_is_no_number_is_not_repeated if {
	_messages == {"The gateway still has IPsec connections (1): vco-a (a)."} with input as fixtures.connections(
		"many",
		[{"vpnConnectionId": "vco-a", "name": "a"}],
	)
}

test_an_id_that_is_no_text_is_not_listed if {
	some violation in connections_present.deny with input as fixtures.connections(1, [{"vpnConnectionId": null}])
	violation.details.connectionIds == []
}

test_twenty_connections_are_listed_whole if {
	many := [{"vpnConnectionId": $"vco-{number}", "name": "n"} | some number in numbers.range(1, 20)]
	some message in _messages with input as fixtures.connections(20, many)
	endswith(message, ", vco-20 (n).")
}

test_a_long_list_is_cut if {
	many := [{"vpnConnectionId": $"vco-{number}", "name": "n"} | some number in numbers.range(1, 23)]
	some message in _messages with input as fixtures.connections(23, many)
	startswith(message, "The gateway still has IPsec connections (23): vco-1 (n), vco-2 (n), ")
	endswith(message, ", vco-20 (n) and 3 more.")
}

_messages := {violation.message | some violation in connections_present.deny}
