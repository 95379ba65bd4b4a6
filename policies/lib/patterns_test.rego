package portcullis.lib.patterns_test

import data.portcullis.lib.patterns
import future.keywords.not

test_matches if {
	every pair in [
		["prod-*", "prod-"],
		["prod-*", "PROD-a\nb"],
		["*", ""],
		["*-prod", "a-prod"],
		["a*b*c", "a--b--c"],
		["a.b", "a.b"],
		[`a\d+`, `A\D+`],
		["(x)[y]{z}^$|?", "(x)[y]{z}^$|?"],
		["生产*", "生产-1"],
	] {
		patterns.matches(pair[0], pair[1])
	}
}

test_does_not_match if {
	every pair in [
		["prod-*", "preprod-1"],
		["prod", "prod-1"],
		["a.b", "axb"],
		["a*b", "a-b-"],
		["", "a"],
		["a|b", "a"],
		["[ab]", "a"],
		["a{2}", "aa"],
		["*", null],
	] {
		not patterns.matches(pair[0], pair[1])
	}
}

test_patterns_are_a_list_of_text if {
	patterns.are_patterns([])
	patterns.are_patterns(["a"])
	every value in [null, "a", {"a": "b"}, [1], ["a", null]] {
		not patterns.are_patterns(value)
	}
}

test_selectors_are_a_list_of_key_and_value if {
	patterns.are_selectors([])
	patterns.are_selectors([{"key": "a", "value": "b"}])
	every value in [null, {"a": {"key": "a", "value": "b"}}, [{"key": "a"}, {}], [{"value": "b"}], ["a"]] {
		not patterns.are_selectors(value)
	}
}
