# METADATA
# title: Patterns
# description: >-
#   A pattern is literal text in which * stands for any run of characters, none included. Case does not count. Every
#   other character stands for itself, so that no pattern can be malformed and match nothing unnoticed.
package portcullis.lib.patterns

# METADATA
# title: The whole text meets the pattern
matches(pattern, text) if regex.match(_expression(pattern), text)

# METADATA
# title: The text meets one of the patterns
matches_any(patterns, text) if {
	some pattern in patterns
	matches(pattern, text)
}

# METADATA
# title: A tag of the list meets one of the selectors by key and value
first_selected(selectors, tags) := [tag |
	some tag in tags
	some selector in selectors
	matches(selector.key, tag.key)
	matches(selector.value, tag.value)
][0]

# METADATA
# title: The value is a list of text
are_patterns(value) if {
	is_array(value)
	every pattern in value { is_string(pattern) }
}

# METADATA
# title: The value is a list of tag selectors
are_selectors(value) if {
	is_array(value)
	every selector in value {
		is_string(selector.key)
		is_string(selector.value)
	}
}

_expression(pattern) := concat("", ["(?is)\\A", strings.replace_n(_escapes, pattern), "\\z"])

_escapes := {
	"*": ".*",
	"\\": "\\\\",
	".": "\\.",
	"+": "\\+",
	"?": "\\?",
	"(": "\\(",
	")": "\\)",
	"|": "\\|",
	"[": "\\[",
	"]": "\\]",
	"{": "\\{",
	"}": "\\}",
	"^": "\\^",
	"$": "\\$",
}
