import * as v from 'valibot'
import type { Addresses } from '#scripts/dev/addresses.ts'
import { askControl } from './ask-control.ts'
import { EXAMPLES } from './push-messages.ts'
import { readOptions } from './read-options.ts'
import { shortRefusal } from './short-refusal.ts'
import type { Fired, Thing } from './thing.ts'

const Options = v.object({
  event: v.pipe(v.string(), v.regex(/^\w+$/, 'Say which: --event user_authorization_revoke')),
  user: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/, '--user is a name, as alice')),
  mode: v.picklist(['plain', 'compatible', 'secure'], '--mode is plain, compatible or secure'),
  format: v.picklist(['json', 'xml'], '--format is json or xml'),
  set: v.array(v.pipe(v.string(), v.regex(/^\w+=/, '--set looks like RevokeInfo=8'))),
})

const Person = v.object({ openid: v.string() })
const Delivery = v.object({ tries: v.array(v.string()), reply: v.optional(v.looseObject({})) })
/** A message or an event that the WeChat stand-in pushes, three times at most until it is received. */
export const push: Thing = {
  about: 'WeChat pushes an event or a message',
  options: {
    event: { type: 'string', default: '', about: `one of ${Object.keys(EXAMPLES).join(', ')}, or any other` },
    user: {
      type: 'string',
      default: 'alice',
      about: 'who it is about, or who wrote: dev-<name> of the login',
    },
    mode: { type: 'string', default: 'secure', about: 'plain, compatible or secure' },
    format: { type: 'string', default: 'json', about: 'json or xml' },
    set: {
      type: 'string',
      multiple: true,
      default: [],
      about: 'a field, as RevokeInfo=8 or List=[…]; as often as needed',
    },
  },
  async prepare(given, cloud) {
    const { event, user, ...how } = readOptions(Options, given)
    const wechatUrl = standInOf(cloud)
    const { openid } = await askControl(
      { url: `${wechatUrl}/_control/login-codes`, body: { name: user } },
      Person,
    )
    const CreateTime = Math.floor(Date.now() / 1_000)
    const common = { FromUserName: openid, CreateTime, MsgType: 'event', Event: event }
    const { mode, format } = how
    const { [event]: example } = EXAMPLES
    const fields = { ...common, ...example?.({ openid, format }), ...fieldsOf(how.set) }
    const message = fields.MsgType === 'event' ? fields : { ...fields, Event: undefined }
    const url = `${wechatUrl}/_control/pushes/as`
    return [
      {
        about: `push ${event} of ${user} (${mode}, ${format})`,
        fire: async () => firedBy(await askControl({ url, body: { message, mode, format } }, Delivery)),
      },
    ]
  },
}

function standInOf({ wechatUrl }: Addresses): string {
  if (wechatUrl !== undefined) return wechatUrl
  throw new TypeError('The local cloud uses the real WeChat: only the stand-in pushes when it is told to')
}

function fieldsOf(given: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=')
      const value = text.slice(at + 1)
      return [text.slice(0, at), /^[[{]/.test(value) ? parsed(value) : value]
    }),
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError('--set takes JSON where the value begins with [ or {')
  }
}

/** What was answered to the last try, a reply opened. */
function firedBy({ tries, reply }: v.InferOutput<typeof Delivery>): Fired {
  const last = tries.at(-1) ?? 'nobody is told'
  const [, status, text = ''] = /^(\d{3})(?: ([\s\S]*))?$/.exec(last) ?? []
  const again = tries.length > 1 ? ` (${tries.length} tries)` : ''
  if (status === undefined) return { status: 0, said: `${last}${again}` }
  return {
    status: Number(status),
    said: `${reply === undefined ? shortRefusal(text) : JSON.stringify(reply)}${again}`,
  }
}
