# METADATA
# title: Dates
# description: The WASM host has no calendar of its own; integer arithmetic agrees everywhere.
package portcullis.lib.time

# METADATA
# title: A time in RFC 3339, UTC, to the second
# description: Takes milliseconds since the epoch, not negative. Proleptic Gregorian calendar.
rfc3339(ms) := $"{_date(_quotient(ms, 86400000))}T{_clock(_quotient(ms % 86400000, 1000))}Z"

_clock(seconds) := $"{_two(_quotient(seconds, 3600))}:{_two(_quotient(seconds % 3600, 60))}:{_two(seconds % 60)}"

# Years are counted from 1 March of the year 0, so that the day that leap years add is the last one.
_date(days) := $"{year}-{_two(month)}-{_two(day)}" if {
	since := days + 719468
	cycle := _quotient(since, 146097)
	rest := since % 146097
	leaps := (_quotient(rest, 1460) - _quotient(rest, 36524)) + _quotient(rest, 146096)
	march_year := _quotient(rest - leaps, 365)
	ordinal := rest - (((march_year * 365) + _quotient(march_year, 4)) - _quotient(march_year, 100))
	march_month := _quotient((ordinal * 5) + 2, 153)
	day := (ordinal - _quotient((march_month * 153) + 2, 5)) + 1
	month := ((march_month + 2) % 12) + 1
	year := ((cycle * 400) + march_year) + _quotient(march_month, 10)
}

_quotient(number, divisor) := (number - (number % divisor)) / divisor

_two(number) := $"0{number}" if number < 10

_two(number) := $"{number}" if number >= 10
