# METADATA
# title: Charge types
# description: The cloud spells charge types in several ways and casings.
package portcullis.lib.charge

import data.portcullis.lib.facts

# METADATA
# title: The gateway is a subscription with a term
prepaid if lower(facts.charge_type) in {"prepay", "prepaid"}

# METADATA
# title: The gateway is paid as it is used
postpaid if lower(facts.charge_type) in {"postpay", "postpaid", "payasyougo"}
