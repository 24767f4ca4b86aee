import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createCallbackApp } from '#functions/callback/callback-app.ts'
import { type PushMessage, pushRequest, type PushTarget } from '#scripts/emulator/wechat/push-request.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import type { Dialect } from '#shared/db/database.ts'
import { createTakeMediaVerdict } from '#shared/files/take-media-verdict.ts'
import { sweepInbox } from '#shared/inbox/sweep-inbox.ts'
import { secret } from '#shared/secret.ts'
import { APP_ID, type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { fileClient } from '#tests/upload/client.ts'
import { JPEG } from '#tests/upload/samples.ts'
import { serveApp, type ServedApp } from '#tests/upload/serve-app.ts'

const { WECHAT_PUSH_TOKEN: token, WECHAT_PUSH_AES_KEY: encodingAesKey } = generateSecrets()
const TEMPLATE = 'VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc'
const TIMES = 50
const never = new AbortController().signal

describe('pushed events on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'pushed events on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let backend: Backend
  let sealed: ServedApp
  let plain: ServedApp
  let alice: SignedIn
  let openid: string
  let people = 0
  beforeAll(async () => {
    backend = await startBackend({ dialect, checksMedia: true })
    // Files wait for the verdicts that the tests push themselves.
    backend.wechat.control.nextVerdict({ never: true, times: 1_000 })
    const { parts } = backend
    const options = {
      ...parts,
      pushToken: secret(token),
      takeMediaVerdict: createTakeMediaVerdict(parts),
    }
    const pushAesKey = secret(encodingAesKey)
    sealed = await serveApp(createCallbackApp({ ...options, pushAesKey }), backend.now)
    plain = await serveApp(createCallbackApp(options), backend.now)
  }, 60_000)
  afterAll(async () => {
    await Promise.all([sealed?.stop(), plain?.stop()])
    await backend?.close()
  })
  beforeEach(async () => {
    const name = `alice${++people}`
    alice = await backend.signIn(name)
    openid = backend.wechat.control.mintLoginCode(name).openid
    backend.log.length = 0
  })

  const SECURE = { mode: 'secure', format: 'json' } as const

  function target(to: ServedApp, how: Pick<PushTarget, 'mode' | 'format'>): PushTarget {
    return { url: `${to.url}/api/v1/callback/wechat-message`, token, encodingAesKey, ...how }
  }

  async function pushed(message: PushMessage, how: Pick<PushTarget, 'mode' | 'format'> = SECURE) {
    backend.wechat.control.pushTo(target(sealed, how))
    return backend.wechat.control.push(message)
  }

  function event(name: string, fields: PushMessage = {}, atMs = backend.now()): PushMessage {
    const CreateTime = Math.floor(atMs / 1_000)
    return { ToUserName: 'gh_1', FromUserName: openid, CreateTime, MsgType: 'event', Event: name, ...fields }
  }

  /** The same message at once, each signed anew, as WeChat's tries are. */
  async function pushedManyTimes(message: PushMessage, to: PushTarget): Promise<Set<string>> {
    const answers = Array.from({ length: TIMES }, async () => {
      const { url, body } = pushRequest(to, message, { appId: APP_ID, nowMs: backend.now() })
      const response = await fetch(url, { method: 'POST', body })
      return `${response.status} ${await response.text()}`
    })
    return new Set(await Promise.all(answers))
  }

  async function inbox() {
    return (await backend.database.sql()).selectFrom('inbox').selectAll().execute()
  }

  async function auditOf(action: string) {
    const sql = await backend.database.sql()
    return sql
      .selectFrom('audit')
      .selectAll()
      .where('subject_id', '=', alice.user.id)
      .where('action', '=', action)
      .execute()
  }

  async function user() {
    const sql = await backend.database.sql()
    return sql.selectFrom('users').selectAll().where('id', '=', alice.user.id).executeTakeFirstOrThrow()
  }

  test('fifty times the same cancellation at once is one closed account', async () => {
    const answers = await pushedManyTimes(
      event('user_authorization_cancellation', { OpenID: openid, AppID: APP_ID }),
      target(sealed, SECURE),
    )

    expect(answers).toEqual(new Set(['200 success']))
    expect(await user()).toMatchObject({ status: 'deleted', openid: `deleted:${alice.user.id}`, epoch: 1 })
    expect(await auditOf('user.deleted')).toMatchObject([{ actor_id: null, details: '{"way":"wechat"}' }])
    expect((await backend.call('/user', { token: alice.accessToken })).body.error).toBe('token_revoked')
    expect(backend.log.filter((line) => line.includes('"inbox.known"'))).toHaveLength(TIMES - 1)
  })

  test.each(['json', 'xml'] as const)(
    'a push in compatible mode in %s is the same one with every try, however it is sealed',
    async (format) => {
      const known = () => backend.log.filter((line) => line.includes('"inbox.known"')).length
      const before = known()
      const message = event('subscribe_msg_sent_event', {
        SubscribeMsgSentEvent: {
          List: { TemplateId: 't1', MsgID: '1', ErrorCode: '0', ErrorStatus: 'success' },
        },
      })

      const answers = await pushedManyTimes(message, target(plain, { mode: 'compatible', format }))

      expect(answers).toEqual(new Set(['200 success']))
      expect(known() - before).toBe(TIMES - 1)
    },
  )

  test.each(['user_authorization_revoke', 'user_authorization_cancellation', 'user_info_modified'])(
    'a %s that nothing seals erases nothing, and the log says what to do',
    async (name) => {
      const message = event(name, { OpenID: openid, RevokeInfo: '8' })

      const answers = await pushedManyTimes(message, target(plain, { mode: 'plain', format: 'json' }))

      expect([...answers].every((answer) => answer.startsWith('403 '))).toBe(true)
      expect(backend.log.some((line) => line.includes('not_sealed'))).toBe(true)
      expect((await backend.call('/user', { token: alice.accessToken })).status).toBe(200)
    },
  )

  test('the same person may cancel, come back and cancel again', async () => {
    const cancelled = () => event('user_authorization_cancellation', { OpenID: openid })
    await pushed(cancelled())
    backend.advance(60_000)
    const again = await backend.signIn(`alice${people}`)
    await pushed(cancelled())

    const ids = [alice.user.id, again.user.id]
    const sql = await backend.database.sql()
    const users = await sql.selectFrom('users').select('status').where('id', 'in', ids).execute()
    expect(new Set(ids).size).toBe(2)
    expect(users.map(({ status }) => status)).toEqual(['deleted', 'deleted'])
  })

  describe.each(['json', 'xml'] as const)('what a user takes back, told in %s', (format) => {
    const how = { mode: 'secure', format } as const

    async function filled() {
      const { accessToken: token } = alice
      await backend.call('/user/phone', { token, body: { code: 'dev-phone-13800000001' } })
      const upload = (purpose: string) => fileClient(backend, alice).upload(JPEG, { purpose })
      const avatar = (await upload('avatar')).body.data.id as string
      const image = (await upload('image')).body.data.id as string
      await backend.call('/user', { method: 'PUT', token, body: { nickname: '小函', avatarFileId: avatar } })
      return { avatar, image }
    }

    const statuses = async () => {
      const sql = await backend.database.sql()
      const rows = await sql
        .selectFrom('files')
        .select(['purpose', 'status'])
        .where('user_id', '=', alice.user.id)
        .execute()
      return Object.fromEntries(rows.map(({ purpose, status }) => [purpose, status]))
    }

    test.each([
      ['8', { phone_masked: null, nickname: '小函' }, ['pending', 'pending']],
      ['6', { nickname: null, avatar_file_id: null, phone_masked: '138******01' }, ['deleted', 'pending']],
      ['20', { avatar_file_id: null, nickname: '小函' }, ['deleted', 'pending']],
      ['14', { nickname: '小函', phone_masked: '138******01' }, ['pending', 'deleted']],
      ['8,14', { phone_masked: null, nickname: '小函' }, ['pending', 'deleted']],
      ['13', { nickname: '小函', phone_masked: '138******01' }, ['pending', 'pending']],
    ] as const)(
      'by the code %s is erased, and nothing else',
      async (RevokeInfo, columns, [avatar, image]) => {
        await filled()

        const { tries } = await pushed(
          event('user_authorization_revoke', { OpenID: openid, RevokeInfo, PluginID: '', OpenPID: '' }),
          how,
        )

        expect(tries).toEqual(['200 success'])
        expect(await user()).toMatchObject({ status: 'active', ...columns })
        expect(await statuses()).toEqual({ avatar, image })
        const codes = RevokeInfo.split(',')
        expect((await auditOf('user.revoked')).map(({ details }) => JSON.parse(details))).toEqual([{ codes }])
      },
    )

    test('goes with a profile that WeChat cleared, too, and the room of files is free again', async () => {
      await filled()

      await pushed(event('user_info_modified', { OpenID: openid, RevokeInfo: '' }), how)
      const sql = await backend.database.sql()
      const usage = await sql
        .selectFrom('file_usage')
        .select('files')
        .where('user_id', '=', alice.user.id)
        .executeTakeFirst()

      expect(await user()).toMatchObject({ nickname: null, avatar_file_id: null })
      expect(await statuses()).toEqual({ avatar: 'deleted', image: 'pending' })
      expect(usage).toEqual({ files: 1 })
    })
  })

  test('another message under a known MsgId changes nothing, and is told to the log', async () => {
    const MsgId = `24012345678901234${String(people).padStart(3, '0')}`
    const revoked = (RevokeInfo: string) =>
      event('user_authorization_revoke', { OpenID: openid, RevokeInfo, MsgId })

    await pushed(revoked('8'))
    const { tries } = await pushed(revoked('6'))

    expect(tries.map((said) => said.slice(0, 3))).toEqual(['409', '409', '409'])
    expect(await auditOf('user.revoked')).toMatchObject([{ details: '{"codes":["8"]}' }])
    const warnings = backend.log.filter((line) => line.includes('"inbox.key_reused"'))
    expect(warnings.map((line) => JSON.parse(line))).toEqual(
      Array.from({ length: 3 }, () =>
        expect.objectContaining({ level: 'warn', source: 'wechat-message', dedupeKey: `id:${MsgId}` }),
      ),
    )
  })

  test('news of somebody who never signed in are received, and change nothing', async () => {
    const { tries } = await pushed(event('user_authorization_cancellation', { OpenID: 'o-nobody' }))

    expect(tries).toEqual(['200 success'])
    expect(backend.log.some((line) => line.includes('callback.unknown_user'))).toBe(true)
    expect(backend.log.join('\n')).not.toContain('o-nobody')
  })

  test('an event that cannot be read is not kept', async () => {
    const before = (await inbox()).length

    const { tries } = await pushed(
      event('user_authorization_revoke', { OpenID: openid, RevokeInfo: 'everything' }),
    )

    expect(tries.map((said) => said.slice(0, 3))).toEqual(['503', '503', '503'])
    expect(await inbox()).toHaveLength(before)
  })

  test('what was pushed is forgotten after a week', async () => {
    await pushed(event('user_info_modified', { OpenID: openid }))
    const kept = await inbox()

    const aWeekLater = () => backend.now() + 7 * 86_400_000 + 1
    await sweepInbox({ ...backend.parts, clock: aWeekLater }, never)

    expect(kept.length).toBeGreaterThan(0)
    expect(await inbox()).toEqual([])
  })

  describe('subscriptions', () => {
    const choice = (SubscribeStatusString: string, TemplateId = TEMPLATE) => ({
      TemplateId,
      SubscribeStatusString,
      PopupScene: '0',
    })

    async function choices() {
      const sql = await backend.database.sql()
      const rows = await sql
        .selectFrom('subscriptions')
        .select(['template_id', 'status'])
        .where('user_id', '=', alice.user.id)
        .orderBy('template_id')
        .execute()
      return rows.map((row) => `${row.template_id} ${row.status}`)
    }

    test.each([
      ['a list', 'json', { List: [choice('accept'), choice('reject', 'other')] }],
      [
        'an element',
        'xml',
        { SubscribeMsgPopupEvent: { List: [choice('accept'), choice('reject', 'other')] } },
      ],
      ['its own name', 'json', { SubscribeMsgPopupEvent: [choice('accept'), choice('ban', 'other')] }],
    ] as const)('that a user chooses, told as %s in %s, are kept', async (_, format, fields) => {
      const { tries } = await pushed(event('subscribe_msg_popup_event', fields), { mode: 'secure', format })

      expect(tries).toEqual(['200 success'])
      expect(await choices()).toEqual([`${TEMPLATE} accept`, 'other reject'])
    })

    test.each([
      ['one object', 'json', { List: choice('accept') }],
      ['one element', 'xml', { SubscribeMsgPopupEvent: { List: choice('accept') } }],
    ] as const)('may be told as %s, too', async (_, format, fields) => {
      await pushed(event('subscribe_msg_popup_event', fields), { mode: 'secure', format })

      expect(await choices()).toEqual([`${TEMPLATE} accept`])
    })

    test('are by the latest word of the user, in whatever order it comes', async () => {
      const later = backend.now() + 5_000
      await pushed(event('subscribe_msg_popup_event', { List: [choice('accept')] }, later))
      await pushed(event('subscribe_msg_change_event', { List: [choice('reject')] }))
      const first = await choices()
      await pushed(event('subscribe_msg_change_event', { List: [choice('reject')] }, later + 1_000))

      expect([first, await choices()]).toEqual([[`${TEMPLATE} accept`], [`${TEMPLATE} reject`]])
    })

    test('go with the account, and are in what a user may have exported', async () => {
      await pushed(event('subscribe_msg_popup_event', { List: [choice('accept')] }))

      const { body } = await backend.call('/user/export', { token: alice.accessToken })
      await pushed(event('user_authorization_cancellation', { OpenID: openid }))

      expect(body.data.subscriptions).toEqual([
        { templateId: TEMPLATE, status: 'accept', at: expect.any(String) },
      ])
      expect(await choices()).toEqual([])
    })

    test('that failed on their way are noted', async () => {
      const sent = { TemplateId: TEMPLATE, MsgID: '1864323726461255680' }
      const List = [
        { ...sent, ErrorCode: '0', ErrorStatus: 'success' },
        { ...sent, ErrorCode: '4', ErrorStatus: 'user refuse' },
      ]
      const { tries } = await pushed(event('subscribe_msg_sent_event', { List }))

      const lines = backend.log.filter((line) => line.includes('subscribe.sent'))
      expect(tries).toEqual(['200 success'])
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([
        { level: 'info', messageId: '1864323726461255680', errorCode: '0' },
        { level: 'warn', errorCode: '4', status: 'user refuse' },
      ])
    })
  })

  test.each(
    (['plain', 'compatible', 'secure'] as const).flatMap((mode) =>
      (['json', 'xml'] as const).map((format) => [mode, format] as const),
    ),
  )('what a person writes goes on to customer service, in the %s mode in %s', async (mode, format) => {
    const before = (await inbox()).length
    backend.wechat.control.pushTo(target(mode === 'plain' ? plain : sealed, { mode, format }))

    const { isReceived, reply, tries } = await backend.wechat.control.push({
      MsgType: 'text',
      FromUserName: openid,
      ToUserName: 'gh_1',
      Content: '在吗',
      MsgId: '24012345678901234567',
    })

    expect(isReceived).toBe(true)
    expect(reply).toMatchObject({
      ToUserName: openid,
      FromUserName: 'gh_1',
      MsgType: 'transfer_customer_service',
    })
    expect(tries[0]?.includes('transfer_customer_service')).toBe(mode === 'plain')
    expect(await inbox()).toHaveLength(before)
    expect(backend.log.join('\n')).not.toContain('在吗')
  })

  test('a verdict is taken once, with the file that it is about', async () => {
    const { body } = await fileClient(backend, alice).upload(JPEG)
    const id: string = body.data.id
    const check = backend.wechat.control.mediaChecks().findLast(({ mediaUrl }) => mediaUrl.includes(id))
    const fields = {
      trace_id: check?.traceId,
      errcode: 0,
      result: { suggest: 'risky', label: 20002 },
      version: 2,
    }

    const answers = await pushedManyTimes(event('wxa_media_check', fields), target(sealed, SECURE))

    expect(answers).toEqual(new Set(['200 success']))
    const sql = await backend.database.sql()
    const file = await sql.selectFrom('files').selectAll().where('id', '=', id).executeTakeFirst()
    expect(file).toMatchObject({ status: 'quarantined', reason: 'risky:20002' })
    expect(backend.log.filter((line) => line.includes('"files.checked"'))).toHaveLength(1)
  })
}
