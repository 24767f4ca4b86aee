import { describe, expect, test } from '@jest/globals'
import { faultOf, startSetting } from './instances.ts'

const setting = await startSetting()
const { standIn, instance } = setting
const { signal } = new AbortController()
const MEDIA = '/wxa/media_check_async'

/** Somebody who has just been in the mini-program. */
async function visitor(name: string): Promise<string> {
  const { code } = standIn.control.mintLoginCode(name)
  return (await instance().codeExchange(code, signal)).openid
}

describe('checkMedia', () => {
  test.each([
    ['image', 2, 'profile', 1],
    ['audio', 1, 'social', 4],
  ] as const)('has an %s looked at and gives its trace', async (kind, mediaType, scene, sceneNumber) => {
    const openid = await visitor('alice')
    const mediaUrl = `${standIn.url}/_control/calls`

    const { traceId } = await instance().checkMedia({ mediaUrl, kind, openid, scene }, signal)

    expect(traceId).toMatch(/^[0-9a-f]{24}$/)
    expect(standIn.control.mediaChecks()).toMatchObject([
      { traceId, mediaUrl, mediaType, openid, scene: sceneNumber },
    ])
  })

  test('refuses an author whose last visit was over 2 hours ago, and one nobody knows', async () => {
    const openid = await visitor('alice')
    const media = { mediaUrl: standIn.url, kind: 'image', scene: 'profile' } as const

    setting.now += 7_200_001
    const late = await faultOf(instance().checkMedia({ ...media, openid }, signal))
    const nobody = await faultOf(instance().checkMedia({ ...media, openid: 'o-nobody' }, signal))

    expect(late).toMatchObject({ error: 'forbidden', details: [{ reason: 'wechat_visit_too_old' }] })
    expect(nobody).toMatchObject({ error: 'validation_failed', details: [{ reason: 'openid_unknown' }] })
  })

  test('is asked once more with another token, and when WeChat is busy', async () => {
    const openid = await visitor('alice')
    const wechat = instance()
    const media = { mediaUrl: standIn.url, kind: 'image', openid, scene: 'comment' } as const
    await wechat.checkMedia(media, signal)

    standIn.control.revokeTokens()
    await wechat.checkMedia(media, signal)
    standIn.control.fail({ endpoint: MEDIA, errcode: -1, times: 1 })
    await wechat.checkMedia(media, signal)

    expect(setting.calls(MEDIA)).toBe(5)
  })

  test.each([
    [{ errcode: 45009 }, 'upstream_failed'],
    [{ errcode: 45011 }, 'rate_limited'],
    [{ status: 502 }, 'upstream_failed'],
    [{ body: '{"errcode":0}' }, 'upstream_failed'],
  ] as const)('a failure such as %j is %s', async (failure, error) => {
    const openid = await visitor('alice')
    standIn.control.fail({ endpoint: MEDIA, ...failure })

    const fault = await faultOf(
      instance().checkMedia({ mediaUrl: standIn.url, kind: 'image', openid, scene: 'forum' }, signal),
    )

    expect(fault.error).toBe(error)
  })
})
