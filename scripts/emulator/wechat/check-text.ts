import { randomBytes } from 'node:crypto'
import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'
import { requireVisit } from './require-visit.ts'

/** What the stand-in's content safety reacts to. */
const WORDS: readonly (readonly [word: string, suggest: 'risky' | 'review', label: number])[] = [
  ['[risky]', 'risky', 21000],
  ['[review]', 'review', 21000],
  ['色情', 'risky', 20002],
  ['赌博', 'risky', 20006],
  ['诈骗', 'risky', 20008],
  ['傻瓜', 'review', 20003],
  ['加微信', 'review', 10001],
]

const MAX_CHARS = 2_500
const SCENES: ReadonlySet<unknown> = new Set([1, 2, 3, 4])

/** POST /wxa/msg_sec_check */
export function checkText({ body, world }: Call) {
  const { content, openid, scene, version, nickname, title } = body
  if (typeof content !== 'string' || content === '' || version !== 2) throw new Refusal(47001)
  if (content.length > MAX_CHARS) throw new Refusal(45002)
  if (!SCENES.has(scene)) throw new Refusal(40129)
  const identity = world.identities.byOpenid(String(openid))
  if (identity === undefined) throw new Refusal(40003)
  requireVisit(identity, world)
  const text = [content, nickname, title].filter((part) => typeof part === 'string').join('\n')
  const [keyword, suggest, label] = WORDS.find(([word]) => text.includes(word)) ?? ['', 'pass', 100]
  const hit = keyword === '' ? {} : { level: 90, keyword }
  return {
    errcode: 0,
    errmsg: 'ok',
    trace_id: randomBytes(12).toString('hex'),
    result: { suggest, label },
    detail: [
      { strategy: 'content_model', errcode: 0, suggest, label, prob: 90 },
      { strategy: 'keyword', errcode: 0, suggest, label, ...hit },
    ],
  }
}
