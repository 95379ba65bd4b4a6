package portcullis.rules.budgets_test

import data.portcullis.fixtures
import data.portcullis.rules.budgets

_parameters(changes) := object.union(fixtures.parameters, {"budgets": changes})

_with(changes) := object.union(fixtures.budget, changes)

_limits(given, parameters) := result if {
	result := budgets.limits with input as given with data.portcullis.parameters as parameters
}

test_a_budget_applies if {
	_limits(fixtures.decided, fixtures.parameters) == [{"scope": "principal", "window": "hour", "limit": 5}]
	budgets.deny == set() with input as fixtures.decided
		with data.portcullis.parameters as fixtures.parameters
}

test_the_smallest_limit_counts_and_each_stands_once if {
	wide := _with({"limits": [
		{"scope": "principal", "window": "hour", "limit": 9},
		{"scope": "all", "window": "day", "limit": 100},
	]})
	tight := _with({"limits": [
		{"scope": "principal", "window": "hour", "limit": 2},
		{"scope": "principal", "window": "day", "limit": 7},
	]})
	_limits(fixtures.decided, _parameters([wide, fixtures.budget, tight])) == [
		{"scope": "all", "window": "day", "limit": 100},
		{"scope": "principal", "window": "day", "limit": 7},
		{"scope": "principal", "window": "hour", "limit": 2},
	]
}

test_a_star_admits_anyone if {
	anyone := _with({
		"callers": {"issuers": ["*"], "roles": ["*"], "teams": ["*"], "tenants": ["*"]},
		"regions": ["*"],
	})
	given := object.union(
		fixtures.resource("vpn-lab1", "eu-central-1"),
		{"subject": {"properties": {"issuer": "x", "tenant": null, "roles": [], "teams": []}}},
	)
	count(_limits(given, _parameters([anyone]))) == 1
}

test_without_a_budget_nothing_is_deleted if {
	every parameters in [
		{},
		_parameters([]),
		_parameters([_with({"limits": []})]),
		_parameters([_with({"regions": ["eu-central-1"]})]),
		_parameters([_with({"callers": {"issuers": ["https://other.example"]}})]),
		_parameters([_with({"callers": {"roles": ["vpn-admin"]}})]),
		_parameters([_with({"callers": {"teams": ["payments"]}})]),
		_parameters([_with({"callers": {"tenants": ["other"]}})]),
	] {
		budgets.deny == {{
			"code": "BUDGET_MISSING",
			"rule": "budgets",
			"message": "No budget of deletions applies to this caller and region.",
			"remedy": "Ask the platform team for a budget that covers this caller and region.",
			"details": {"regionId": "cn-hangzhou"},
			"exclusive": false,
		}} with input as fixtures.decided with data.portcullis.parameters as parameters
	}
}

test_usage_that_is_not_stated_refuses if {
	every usage in [
		null,
		[],
		object.union(fixtures.usage, {"all": null}),
		object.union(fixtures.usage, {"all": {"day": null}}),
		object.union(fixtures.usage, {"tenant": {"hour": "0"}}),
		object.union(fixtures.usage, {"region": {"hour": -1}}),
		object.union(fixtures.usage, {"principal": {"day": 0.5}}),
		object.remove(fixtures.usage, ["principal"]),
	] {
		given := json.patch(fixtures.decided, [{"op": "add", "path": "context/budgets", "value": usage}])
		budgets.deny == {{
			"code": "BUDGET_USAGE_MISSING",
			"rule": "budgets",
			"message": "It is not stated how many deletions were begun in the last hour and day.",
			"remedy": "Send the request again. If it lasts, tell the platform team: the ledger does not state what was begun.",
			"details": {},
			"exclusive": false,
		}} with input as given with data.portcullis.parameters as fixtures.parameters
	}
}
