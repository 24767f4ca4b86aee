import { describe, expect, test } from '@jest/globals'
import { openState } from '#shared/state/open-state.ts'
import { parseRedisUrl } from '#shared/state/redis-address.ts'

describe('the address of Redis', () => {
  test.each([
    ['redis://h', { isCluster: false, isTls: false, nodes: [{ host: 'h', port: 6379 }], db: 0 }],
    [
      'rediss://u:p%40ss@h:1/2',
      {
        isCluster: false,
        isTls: true,
        nodes: [{ host: 'h', port: 1 }],
        db: 2,
        username: 'u',
        password: 'p@ss',
      },
    ],
    [
      'redis://:secret@[::1]:7',
      { isCluster: false, isTls: false, nodes: [{ host: '::1', port: 7 }], db: 0, password: 'secret' },
    ],
    [
      'redis+cluster://a:1,b',
      {
        isCluster: true,
        isTls: false,
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 6379 },
        ],
        db: 0,
      },
    ],
  ])('%s is understood', (text, address) => {
    expect(parseRedisUrl(text)).toEqual(address)
  })

  test.each([
    '',
    'http://h',
    'redis://',
    'redis://a,b',
    'redis://h:99999',
    'redis+cluster://a:1/3',
    'redis://user:hunter2@h:x',
  ])('%p is refused without being repeated', (text) => {
    expect(() => parseRedisUrl(text)).toThrow(TypeError)
    expect(() => parseRedisUrl(text)).not.toThrow(/hunter2/)
  })
})

describe('the choice of a state store', () => {
  test('without Redis and without PostgreSQL it says at boot that REDIS_URL is required', () => {
    expect(() => openState({})).toThrow(
      new TypeError(
        'Cannot open the state store: REDIS_URL is required where the database is not PostgreSQL',
      ),
    )
  })

  test('PostgreSQL serves where there is no Redis', async () => {
    const asked: string[] = []
    const queries = {
      query: async (text: string) => {
        asked.push(text)
        return []
      },
    }
    const state = openState({ postgres: queries })

    const value = await state.get('key', new AbortController().signal)

    expect(value).toBeUndefined()
    expect(asked).toHaveLength(1)
  })
})
