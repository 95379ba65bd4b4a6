# Reading of syntax trees, for all conventions.
package conventions

_refusals(module) := [rule |
	some rule in module.rules
	_name(rule) in {"deny", "admission_deny"}
]

_titled(module) := {_name(rule) |
	some rule in module.rules
	_text(rule.annotations[_].title)
}

_package_annotation(module) := [annotation | some annotation in module.annotations; annotation.scope == "package"][0]

_package(module) := concat(".", [part.value | some part in module["package"].path])

_name(rule) := rule.head.ref[0].value

_ref(term) := concat(".", [part.value | some part in term.value; is_string(part.value)])

_folder(path) := split(path, "/")[1] if startswith(path, "rules/")

_text(value) if {
	is_string(value)
	trim_space(value) != ""
}

_at(file, row, convention, message) := {
	"file": file,
	"row": row,
	"convention": convention,
	"message": message,
}
