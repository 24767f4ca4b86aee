/** How a value becomes what a field takes; undefined for one that cannot. */
type Fit = (text: string) => string | undefined

const BEIJING_MS = 8 * 3_600_000

/**
 * The kinds of a template's fields. Text is cut to what fits, since the beginning says most; what would say something
 * else when cut, as a number, is refused.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
 */
const KINDS: Readonly<Record<string, Fit>> = {
  thing: cutTo(20),
  number: matching(/^-?\d{1,32}$|^(?=.{1,32}$)-?\d+\.\d+$/),
  letter: (text) => cutTo(32)(text.replace(/[^A-Za-z]/g, '')),
  symbol: cutTo(5),
  character_string: (text) => cutTo(32)(text.replace(/[^\x21-\x7e]/g, '')),
  time: fitMoment,
  date: fitMoment,
  amount: matching(/^[¥￥$€£]?\d{1,10}(?:\.\d{1,2})?元?$/),
  phone_number: matching(/^[\d+() -]{1,17}$/),
  car_number: matching(/^[\p{L}\d]{1,8}$/u),
  // Ten characters, or twenty where all are letters.
  name: (text) => cutTo(/^[\x20-\x7e]*$/.test(text) ? 20 : 10)(text.replace(/\d/g, '')),
  phrase: (text) => cutTo(5)(text.replace(/[^\p{Script=Han}]/gu, '')),
}

/** The form of a field's name: its kind and a number. */
export const FIELD_NAME = new RegExp(`^(${Object.keys(KINDS).join('|')})\\d{1,3}$`)

/** `text` in the form that the field takes; undefined where it has none, as an empty one never has. */
export function fitField(name: string, text: string): string | undefined {
  const fit = KINDS[FIELD_NAME.exec(name)?.[1] ?? '']
  if (fit === undefined) throw new TypeError(`There is no kind of the field ${name}`)
  return fit(text.trim())?.trim() || undefined
}

/** Fen, hundredths of a yuan, as an `amount`. */
export function amountText(fen: number): string {
  return `¥${(fen / 100).toFixed(2)}`
}

/** By UTF-16 units, the strictest count, and never through the middle of a character. */
function cutTo(units: number): Fit {
  return (text) => {
    if (text.length <= units) return text
    let kept = ''
    for (const character of text) {
      if (kept.length + character.length > units) break
      kept += character
    }
    return kept
  }
}

function matching(form: RegExp): Fit {
  return (text) => (form.test(text) ? text : undefined)
}

function fitMoment(text: string): string | undefined {
  return beijingTime(text) ?? matching(/^[\d年月日:~ -]{1,40}$/)(text)
}

/** A moment in ISO 8601 as people in China read it. */
function beijingTime(text: string): string | undefined {
  if (!/^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(text)) return undefined
  const at = new Date(Date.parse(text) + BEIJING_MS)
  if (Number.isNaN(at.getTime())) return undefined
  const clock = at.toISOString().slice(11, 16)
  return `${at.getUTCFullYear()}年${at.getUTCMonth() + 1}月${at.getUTCDate()}日 ${clock}`
}
