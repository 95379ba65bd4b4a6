# METADATA
# title: Charge types
# description: >-
#   The cloud spells charge types in several ways and casings. Only ASCII letters are compared: lower-casing makes
#   letters of other scripts into ASCII ones.
package portcullis.lib.charge

import data.portcullis.lib.facts

# METADATA
# title: The gateway is a subscription with a term
prepaid if _charge_type in {"prepay", "prepaid"}

# METADATA
# title: The gateway is paid as it is used
postpaid if _charge_type in {"postpay", "postpaid", "payasyougo"}

_charge_type := lower(facts.charge_type) if regex.match(`\A[A-Za-z]+\z`, facts.charge_type)
