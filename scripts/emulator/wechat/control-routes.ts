import type { IncomingMessage } from 'node:http'
import * as v from 'valibot'
import { mayControl } from '#scripts/emulator/answer-control.ts'
import { type Answer, json } from './answer.ts'
import type { Control } from './control.ts'

const Name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/))
const Phone = v.pipe(v.string(), v.regex(/^\d{11}$/))
const Count = v.pipe(v.number(), v.integer(), v.minValue(0))

const Person = v.strictObject({ name: Name })
const NewPhoneCode = v.strictObject({ number: Phone, name: v.optional(Name) })
const NewUserInfo = v.strictObject({ name: Name, profile: v.optional(v.record(v.string(), v.unknown())) })
const NewPhoneInfo = v.strictObject({ name: Name, number: Phone })
const NewFailure = v.strictObject({
  endpoint: v.string(),
  times: v.optional(Count),
  latencyMs: v.optional(Count),
  errcode: v.optional(v.pipe(v.number(), v.integer())),
  status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599))),
  body: v.optional(v.string()),
  bodyBytes: v.optional(Count),
  connection: v.optional(v.picklist(['drop', 'silent'])),
  afterWork: v.optional(v.boolean()),
})

const HttpUrl = v.pipe(v.string(), v.url(), v.startsWith('http'))
const PushMode = v.picklist(['plain', 'compatible', 'secure'])
const PushFormat = v.picklist(['json', 'xml'])
const NewPushTarget = v.strictObject({
  url: HttpUrl,
  token: v.string(),
  encodingAesKey: v.optional(v.string()),
  mode: PushMode,
  format: PushFormat,
})
const NewPush = v.record(v.string(), v.unknown())
const NewPushAs = v.strictObject({ message: NewPush, mode: PushMode, format: PushFormat })
const NewVerdict = v.strictObject({
  suggest: v.optional(v.picklist(['pass', 'review', 'risky'])),
  label: v.optional(Count),
  errcode: v.optional(v.pipe(v.number(), v.integer())),
  delayMs: v.optional(Count),
  never: v.optional(v.boolean()),
  duplicates: v.optional(Count),
  times: v.optional(Count),
})

type Route = (control: Control, body: unknown) => unknown

function accepting<Schema extends v.GenericSchema>(
  schema: Schema,
  act: (control: Control, input: v.InferOutput<Schema>) => unknown,
): Route {
  return (control, body) => act(control, v.parse(schema, body))
}

/** The control API: `METHOD /_control/…` → what it answers. */
export const CONTROL_ROUTES: Readonly<Record<string, Route>> = {
  'POST /_control/login-codes': accepting(Person, (control, { name }) => control.mintLoginCode(name)),
  'POST /_control/phone-codes': accepting(NewPhoneCode, (control, { number, name }) =>
    control.mintPhoneCode(number, name),
  ),
  'POST /_control/user-info': accepting(NewUserInfo, (control, { name, profile }) =>
    control.userInfo(name, profile),
  ),
  'POST /_control/phone-info': accepting(NewPhoneInfo, (control, { name, number }) =>
    control.phoneInfo(name, number),
  ),
  'POST /_control/user-keys': accepting(Person, (control, { name }) => control.userKey(name)),
  'POST /_control/failures': accepting(NewFailure, (control, failure) => control.fail(failure)),
  'DELETE /_control/failures': (control) => control.clearFailures(),
  'POST /_control/push-target': accepting(NewPushTarget, (control, target) => control.pushTo(target)),
  'POST /_control/push-target/ask': async (control) => ({ isOurs: await control.askUrl() }),
  'POST /_control/pushes': accepting(NewPush, (control, message) => control.push(message)),
  'POST /_control/pushes/as': accepting(NewPushAs, (control, { message, ...how }) =>
    control.push(message, how),
  ),
  'GET /_control/pushes': (control) => control.pushes(),
  'POST /_control/media-verdicts': accepting(NewVerdict, (control, verdict) => control.nextVerdict(verdict)),
  'GET /_control/media-checks': (control) => control.mediaChecks(),
  'GET /_control/subscribe-messages': (control) => control.sentMessages(),
  'POST /_control/revoke-tokens': (control) => control.revokeTokens(),
  'POST /_control/reset': (control) => control.reset(),
  'GET /_control/identities': (control) => control.identities(),
  'GET /_control/calls': (control) => control.calls(),
}

export async function controlAnswer(
  control: Control,
  request: IncomingMessage,
  url: URL,
  text: string,
): Promise<Answer> {
  if (!mayControl(request)) return json({ error: 'only programs on this machine may do this' }, 403)
  const route = CONTROL_ROUTES[`${request.method} ${url.pathname}`]
  if (route === undefined) return json({ error: 'not found', routes: Object.keys(CONTROL_ROUTES) }, 404)
  try {
    return json((await route(control, text === '' ? {} : JSON.parse(text))) ?? { ok: true })
  } catch (error) {
    return json({ error: error instanceof Error ? error.message : 'failed' }, 400)
  }
}
