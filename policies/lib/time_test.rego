package portcullis.lib.time_test

import data.portcullis.lib.time as calendar

test_rfc3339 if {
	every expected, ms in {
		"1970-01-01T00:00:00Z": 0,
		"1999-12-31T23:59:59Z": 946684799999,
		"2000-02-29T12:34:56Z": 951827696000,
		"2000-03-01T00:00:00Z": 951868800000,
		"2026-08-01T00:00:00Z": 1785542400000,
		"2100-02-28T00:00:00Z": 4107456000000,
		"2100-03-01T00:00:00Z": 4107542400000,
		"9999-12-31T23:59:59Z": 253402300799000,
		"287396-10-12T08:59:00Z": 9007199254740000,
	} {
		calendar.rfc3339(ms) == expected
	}
}

test_agrees_with_go_every_532_days if {
	every step in numbers.range(0, 199) {
		seconds := step * 45999997
		calendar.rfc3339(seconds * 1000) == time.format([seconds * 1000000000, "UTC", "2006-01-02T15:04:05Z07:00"])
	}
}
