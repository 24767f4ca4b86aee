import * as v from 'valibot'
import type { Read } from '#shared/config/read-env.ts'
import { FIELD_NAME } from '#shared/wechat/subscribe-fields.ts'
import { MINI_PROGRAM_STATES } from '#shared/wechat/subscribe-message.ts'
import { wechatSettings } from './backend-settings.ts'

const Template = v.strictObject({
  templateId: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/, 'expected the id as in the mini-program console')),
  /** What a tap opens. */
  page: v.optional(
    v.pipe(v.string(), v.regex(/^[^/\s]\S{0,1023}$/, 'expected a page without a leading slash')),
  ),
  state: v.optional(v.picklist(MINI_PROGRAM_STATES)),
  /** Field of the template → where its value is in the news (`description`, `metadata.seat`), or the text itself after `=`. */
  fields: v.record(
    v.pipe(v.string(), v.regex(FIELD_NAME, 'expected a kind of field and its number, as thing1')),
    v.pipe(v.string(), v.regex(/^(?:=.+|\w+(?:\.\w+)*)$/, 'expected a name, as description, or =text')),
  ),
})
const Templates = v.pipe(
  v.string(),
  v.parseJson(undefined, 'is not JSON'),
  v.check((value) => !Array.isArray(value), 'expected an object'),
  v.record(
    v.pipe(v.string(), v.regex(/^[a-z_]+(?:\.[a-z_]+)+$/, 'expected a topic, as order.paid')),
    Template,
  ),
)

/** Topic → the template that its user is told by. */
export type SubscribeTemplates = v.InferOutput<typeof Templates>

/** What functions that send subscribe messages read besides. */
export function subscribeSettings(read: Read) {
  return read.optional('WECHAT_SUBSCRIBE_TEMPLATES', () => ({
    templates: read.parsed('WECHAT_SUBSCRIBE_TEMPLATES', parseTemplates),
    ...wechatSettings(read),
  }))
}

/** @throws TypeError that names every problem */
export function parseTemplates(text: string): SubscribeTemplates {
  const read = v.safeParse(Templates, text)
  if (read.success) return read.output
  const problems = read.issues.map((issue) => {
    const path = v.getDotPath(issue)
    return path === null ? issue.message : `${path}: ${issue.message}`
  })
  throw new TypeError(`cannot be read: ${problems.join('; ')}`)
}
