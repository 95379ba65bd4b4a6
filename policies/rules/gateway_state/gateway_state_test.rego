package portcullis.rules.gateway_state_test

import data.portcullis.fixtures
import data.portcullis.rules.gateway_state

test_active_passes if {
	gateway_state.deny == set() with input as fixtures.decided
}

test_each_other_state_has_its_code if {
	every status, code in {
		"init": "GATEWAY_INITIALIZING",
		"provisioning": "GATEWAY_PROVISIONING",
		"updating": "GATEWAY_UPDATING",
		"deleting": "GATEWAY_DELETING",
		"Active": "GATEWAY_STATE_UNKNOWN",
		"": "GATEWAY_STATE_UNKNOWN",
	} {
		fixtures.codes(gateway_state.deny) == {code} with input as fixtures.gateway({"status": status})
	}
}

test_says_what_to_do if {
	gateway_state.deny == {{
		"code": "GATEWAY_UPDATING",
		"rule": "gateway_state",
		"message": "The gateway is being configured.",
		"remedy": "Wait until the change is finished and the gateway is active, then ask again.",
		"details": {"status": "updating"},
		"exclusive": false,
	}} with input as fixtures.gateway({"status": "updating"})
}

test_missing_state_is_refused if {
	fixtures.codes(gateway_state.deny) == {"GATEWAY_STATE_UNKNOWN"} with input as fixtures.admitted
}
