import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { TestAnswer } from '#tests/invocation.ts'
import { startWechatBackend, type WechatBackend } from './wechat-backend.ts'

const RANK = '/wxa/getuserriskrank'

const HIGH_RISK = {
  id: 'high-risk',
  priority: 0,
  scope: { route: '/login', method: 'POST' },
  when: 'wechat.riskRank >= 4',
  action: 'deny',
  reason: 'wechat_risk',
} as const

let backend: WechatBackend
beforeEach(async () => {
  backend = await startWechatBackend()
})
afterEach(() => backend.close())

function brief({ status, body }: TestAnswer): string {
  return `${status} ${body?.error ?? 'ok'}`
}

/** How often WeChat was asked. */
function asked(): number {
  return backend.wechat.control.calls()[RANK] ?? 0
}

describe('a rule about WeChat’s risk rank', () => {
  test('refuses a login once it is known whose it is', async () => {
    await backend.publish({ rules: [HIGH_RISK] })

    const answers = [await backend.logIn('mallory-risk4'), await backend.logIn('trudy-risk3')]

    expect(answers.map(brief)).toEqual(['403 risk_denied', '200 ok'])
    expect(answers[0]?.body.details).toEqual([{ reason: 'wechat_risk' }])
    expect(backend.wechat.control.calls()['/sns/jscode2session']).toBe(2)
  })

  test('asks WeChat once in ten minutes for one person', async () => {
    await backend.publish({ rules: [HIGH_RISK] })

    for (const name of ['alice', 'alice', 'bob', 'alice']) await backend.signIn(name)
    const atFirst = asked()
    backend.advance(10 * 60_000 + 1)
    await backend.signIn('alice')

    expect(atFirst).toBe(2)
    expect(asked()).toBe(3)
  })

  test('asks WeChat once for logins of one person at once, and once while it fails', async () => {
    await backend.publish({ rules: [HIGH_RISK] })
    const three = () => Promise.all([1, 2, 3].map(() => backend.logIn('alice')))

    await three()
    const whileUp = asked()
    backend.advance(10 * 60_000 + 1)
    backend.wechat.control.fail({ endpoint: RANK, status: 500 })
    await three()
    await three()

    expect([whileUp, asked()]).toEqual([1, 2])
  })

  test('asks nobody while no rule is about it', async () => {
    await backend.publish({ rules: [{ ...HIGH_RISK, when: 'user.ageDays > 1' }] })

    await backend.signIn('mallory-risk4')

    expect(asked()).toBe(0)
  })

  test('sees a person again on later calls, whose rank is remembered', async () => {
    const mallory = await backend.signIn('mallory-risk4')
    await backend.publish({ rules: [{ ...HIGH_RISK, scope: { route: '/user' } }] })
    backend.advance(5_000)

    const answers = [
      await backend.call('/user', { token: mallory.accessToken }),
      await backend.call('/user', { token: mallory.accessToken }),
    ]

    expect(answers.map(brief)).toEqual(['403 risk_denied', '403 risk_denied'])
    expect(asked()).toBe(1)
  })
})

describe('while WeChat tells no rank', () => {
  test.each([
    ['is down', { status: 500 }],
    ['has no permission for us', { errcode: 48001 }],
    ['is silent', { connection: 'silent' }],
    ['says half a rank', { body: '{"errcode":0,"risk_rank":1.5}' }],
  ] as const)('because it %s, the rank is -1', async (_, failure) => {
    const unknown = { ...HIGH_RISK, id: 'no-rank', when: 'wechat.riskRank == -1', reason: 'rank_unknown' }
    await backend.publish({ rules: [HIGH_RISK, unknown] })
    backend.wechat.control.fail({ endpoint: RANK, ...failure })

    const { body } = await backend.logIn('mallory-risk4')

    expect(body.details).toEqual([{ reason: 'rank_unknown' }])
    expect(backend.log.join('')).toContain('"event":"risk.rank_unknown"')
  })

  test('logins go on, and the rank counts again once WeChat does', async () => {
    await backend.publish({ rules: [HIGH_RISK] })
    backend.wechat.control.fail({ endpoint: RANK, status: 500 })

    const down = await backend.logIn('mallory-risk4')
    backend.wechat.control.clearFailures()
    backend.advance(30_001)
    const later = await backend.logIn('mallory-risk4')

    expect([down, later].map(brief)).toEqual(['200 ok', '403 risk_denied'])
  })

  test('since the person’s last visit is more than two hours ago, the rank is -1', async () => {
    const mallory = await backend.signIn('mallory-risk4')
    await backend.publish({ rules: [{ ...HIGH_RISK, scope: { route: '/user' } }] })
    backend.advance(2 * 3_600_000 + 1)
    const { body } = await backend.call('/login/refresh', { body: { refreshToken: mallory.refreshToken } })

    expect(brief(await backend.call('/user', { token: body.data.accessToken }))).toBe('200 ok')
  })
})
