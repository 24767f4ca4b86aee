const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const LONG_DAY = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day'
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MONTH = `(?<month>${MONTHS.join('|')})`
// A leap second is written :60.
const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)'

/** The three forms that a recipient must understand, upper and lower case as written. @see RFC 9110 §5.6.7 */
const FORMS = [
  `${DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT`, // IMF-fixdate
  `${LONG_DAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT`, // RFC 850, obsolete
  `${DAY} ${MONTH} (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})`, // asctime, obsolete
].map((form) => new RegExp(`^${form}$`))

/** Epoch milliseconds of an HTTP-date; undefined for anything else, days that no calendar has included. */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const fields = FORMS.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined)
  if (fields === undefined) return undefined
  const { year = '', month = '', hour, minute, second } = fields
  const day = Number(fields['day'])
  // `Date.UTC` would take the years 0 to 99 for 1900 to 1999.
  const date = new Date(0)
  date.setUTCFullYear(
    year.length === 2 ? fullYear(Number(year), nowMs) : Number(year),
    MONTHS.indexOf(month),
    day,
  )
  if (date.getUTCDate() !== day) return undefined // 31 February
  return date.setUTCHours(Number(hour), Number(minute), Number(second))
}

/** A time as every sender must write it, in whole seconds. @see RFC 9110 §5.6.7 */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

/** What seems more than 50 years ahead is the latest year in the past with those digits. @see RFC 9110 §5.6.7 */
function fullYear(twoDigits: number, nowMs: number): number {
  const latest = new Date(nowMs).getUTCFullYear() + 50
  return latest - ((latest - twoDigits) % 100)
}
