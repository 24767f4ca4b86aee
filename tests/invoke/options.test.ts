import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { readOptions } from '#scripts/invoke/options.ts'

describe('npm run invoke', () => {
  test.each([
    ['/user', '/api/v1/user'],
    ['user', '/api/v1/user'],
    ['/api/v1/user', '/api/v1/user'],
    ['/users?limit=2&cursor=a%20b', '/api/v1/users?limit=2&cursor=a%20b'],
    ['/users/019a', '/api/v1/users/019a'],
  ])('calls %s at %s', (path, target) => {
    expect(readOptions(['user', path], {})).toMatchObject({ target, method: 'GET', scheme: 'none', times: 1 })
  })

  test('sends data by POST unless another method is named', () => {
    expect(readOptions(['user', '/user', '-d', '{}'], {})).toMatchObject({
      method: 'POST',
      body: Buffer.from('{}'),
    })
    expect(readOptions(['user', '/user', '-d', '{}', '-X', 'put'], {})).toMatchObject({ method: 'PUT' })
  })

  test('fires a timer of the cloud that runs, or of the one named', () => {
    const running = () => ({ api: 'http://127.0.0.1:9100' })

    expect(readOptions(['user', '--timer'], {}, running)).toEqual({
      timerOf: 'user',
      url: 'http://127.0.0.1:9100',
      noFail: false,
    })
    expect(
      readOptions(['user', '--timer', '--no-fail', '--url', 'http://127.0.0.1:1/'], {}, running),
    ).toEqual({
      timerOf: 'user',
      url: 'http://127.0.0.1:1',
      noFail: true,
    })
  })

  test('reads data from a file, where the person stands', () => {
    const folder = mkdtempSync(join(tmpdir(), 'xiaohan-invoke-'))
    writeFileSync(join(folder, 'body.json'), '{"a":1}')

    const options = readOptions(['user', '/user', '-d', '@body.json'], { INIT_CWD: folder })
    rmSync(folder, { recursive: true })

    expect(options).toMatchObject({ body: Buffer.from('{"a":1}') })
  })

  test('a partner always signs, by webhook when asked', () => {
    const path = ['rate-check', '/rate-check', '--as-partner', 'local']

    expect(readOptions(path, {})).toMatchObject({
      scheme: 'signature',
      caller: { kind: 'partner', kid: 'local' },
    })
    expect(readOptions([...path, '--webhook'], {})).toMatchObject({ scheme: 'webhook' })
  })

  test('signs with WeChat’s user key of a person', () => {
    const path = ['user', '/user/phone', '--login', 'dev-bob', '--user-key']

    expect(readOptions([...path, '--wechat-url', 'http://127.0.0.1:41303/'], {})).toMatchObject({
      scheme: 'signature',
      caller: { kind: 'user-key', name: 'bob', wechatUrl: 'http://127.0.0.1:41303' },
    })
  })

  test.each([[[]], [['--help']], [['user', '/user', '-h']]])('%j is a question for help', (args) => {
    expect(readOptions(args, {})).toBe('help')
  })

  test.each([
    [['user'], 'Say which function and which path'],
    [['user', '/user', '/hello'], 'Say which function and which path'],
    [['nobody', '/user'], 'There is no function nobody'],
    [['user', '/login'], '/login is not a path of user'],
    [['user', '/usersx'], 'is not a path of user'],
    [['user', '/user', '--url', 'localhost:9000'], '--url must look like'],
    [['user', '/user', '--sign'], '--sign needs a key'],
    [['user', '/user', '--sign', '--token', 't'], '--sign needs a key'],
    [['user', '/user', '--replay'], 'need --sign'],
    [['user', '/user', '--webhook'], '--webhook needs --as-partner'],
    [['user', '/user', '--user-key', '--wechat-url', 'http://127.0.0.1:1'], 'add --login'],
    [['user', '/user', '--user-key', '--login', 'a'], '--user-key asks the WeChat stand-in'],
    [['user', '/user', '--user-key', '--login', 'a', '--wechat-url', 'x'], '--wechat-url must look like'],
    [['user', '/user', '--login', 'a', '--token', 't'], 'Choose one of'],
    [['user', '/user', '--login', 'a', '--sign', '--replay', '--times', '2'], 'Choose one of --replay'],
    [['user', '/user', '--times', '0'], '--times must be'],
    [['--timer'], 'Say whose timer'],
    [['user', '/user', '--timer'], 'and no path'],
    [['nobody', '--timer'], 'There is no function nobody'],
    [['user', '--timer', '--url', 'x'], '--url must look like'],
    [['user', '/user', '-H', 'nonsense'], '--header must look like'],
    [['user', '/user', '--nonsense'], "'--nonsense'"],
  ])('%j is refused in plain words', (args, message) => {
    expect(() => readOptions(args, {})).toThrow(message)
  })
})
