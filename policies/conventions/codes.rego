package conventions

import future.keywords.not

# METADATA
# title: A code belongs to one rule
# description: Refusals that share a code are the same to a caller, so all else that describes them is the same too.
violations contains _at(found.file, found.row, "code-unique", $"the code {code} stands for something else elsewhere") if {
	some code, founds in _codes
	some found in founds
	count({[f.rule, f.annotations.title, f.annotations.custom.remedy, f.annotations.custom.severity] | some f in founds}) > 1
}

# METADATA
# title: A code stays what it was
# description: Callers branch on codes. A new one is entered in codes.json under active, a lost one moves to retired.
violations contains _at(found.file, found.row, "code-listed", $"the code {code} is not active for {found.rule} in codes.json") if {
	some code, founds in _codes
	some found in founds
	not input.codes.active[code] == found.rule
}

violations contains _at("codes.json", 1, "code-lost", $"no rule has the code {code}: move it to retired") if {
	some code, rule in input.codes.active
	rule != "policy"
	not _codes[code]
}

violations contains _at("codes.json", 1, "code-retired", $"the code {code} is retired and may not be used again") if {
	some code, _ in input.codes.retired
	_active(code)
}

_active(code) if input.codes.active[code]

_active(code) if _codes[code]

_codes[code] contains found if {
	some annotation in input.inspect.annotations
	code := annotation.annotations.custom.code
	found := {
		"annotations": annotation.annotations,
		"file": annotation.location.file,
		"row": annotation.location.row,
		"rule": annotation.path[3].value,
	}
}
