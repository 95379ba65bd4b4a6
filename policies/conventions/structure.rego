package conventions

import future.keywords.not

# METADATA
# title: There are two entrypoints
# description: A refusal that were one could be asked alone.
violations contains _at(file, row, "entrypoint", $"{path} is an entrypoint and should not be") if {
	some path, annotation in _entrypoints
	not path in _expected_entrypoints
	file := annotation.location.file
	row := annotation.location.row
}

violations contains _at("decision.rego", 1, "entrypoint", $"{path} is no entrypoint and should be") if {
	some path in _expected_entrypoints
	not _entrypoints[path]
}

_expected_entrypoints := {"data.portcullis.admission", "data.portcullis.decision"}

_entrypoints := {path: annotation |
	some annotation in input.inspect.annotations
	annotation.annotations.entrypoint == true
	path := concat(".", [part.value | some part in annotation.path])
}

# METADATA
# title: Negation covers what is undefined
# description: Without future.keywords.not, a negated call of an undefined value loses the whole rule.
violations contains _at(path, expression.location.row, "negation", "not is used without import future.keywords.not") if {
	some path, module in input.modules
	walk(module.rules, [_, expression])
	expression.negated == true
}

# METADATA
# title: Built-ins are those that WASM evaluates
# description: capabilities.json lists them.
violations contains _at("capabilities.json", 1, "builtin", $"the built-in {builtin.name} is used and not listed") if {
	some builtin in input.inspect.capabilities.builtins
	not builtin.name in input.builtins
}

# METADATA
# title: Input is read in one place
# description: The accessors of lib have defaults, and an undefined value would make the refusal that mentions it vanish.
violations contains _at(path, term.location.row, "input", "input is read outside lib/request.rego and lib/facts.rego") if {
	some path, module in input.modules
	not path in {"lib/request.rego", "lib/facts.rego"}
	walk(module.rules, [_, term])
	term.type == "var"
	term.value == "input"
}

# METADATA
# title: A rule has a folder, a package and tests of its name
# description: All of them are alike.
violations contains _at(path, 1, "layout", $"it should be rules/{folder}/{folder}.rego in the package portcullis.rules.{folder}") if {
	some path, module in input.modules
	folder := _folder(path)
	not [path, _package(module)] == [$"rules/{folder}/{folder}.rego", $"data.portcullis.rules.{folder}"]
}

violations contains _at(path, 1, "tests", $"there is no rules/{folder}/{folder}_test.rego") if {
	some path, _ in input.modules
	folder := _folder(path)
	not $"rules/{folder}/{folder}_test.rego" in input.files
}

# METADATA
# title: Every refusal counts
# description: decision.rego names each rule's refusals, and names none that do not exist.
violations contains _at(path, 1, "counted", $"decision.rego does not name {set}") if {
	some path, module in input.modules
	some set in _refusal_sets(path, module)
	not set in _counted
}

violations contains _at(path, 1, "counted", "the folder holds no deny and no admission_deny") if {
	some path, module in input.modules
	_folder(path)
	count(_refusals(module)) == 0
}

violations contains _at("decision.rego", 1, "counted", $"no rule defines {set}") if {
	existing := {set | some path, module in input.modules; some set in _refusal_sets(path, module)}
	some set in ((_counted - existing) - _limit_lists)
}

# What limits a deletion is no refusal, and is named apart from them.
_limit_lists := {$"{_package(module)}.limits" |
	some path, module in input.modules
	_folder(path)
	some rule in module.rules
	_name(rule) == "limits"
}

_refusal_sets(path, module) := {$"{_package(module)}.{_name(rule)}" |
	_folder(path)
	some rule in _refusals(module)
}

_counted contains reference if {
	walk(input.modules["decision.rego"].rules, [_, term])
	term.type == "ref"
	reference := _ref(term)
	startswith(reference, "data.portcullis.rules.")
}
