import type { Addresses } from '#scripts/dev/addresses.ts'

/** Where a cloud's API is, and as whom to call it. */
export interface CloudAccess {
  /** Host, with its port where it has one. */
  readonly endpoint: string
  readonly protocol: 'http' | 'https'
  readonly region: string
  readonly id: string
  readonly secret: string
  readonly token?: string
}

export type Target = 'fc' | 'scf'

/** The local cloud's own control plane. @throws TypeError when none runs */
export function localAccess(target: Target, addresses: Addresses | undefined): CloudAccess {
  const plane = addresses?.controlPlanes?.[target]
  if (plane === undefined)
    throw new TypeError('Cannot find the local cloud: start it with npm start, in another terminal')
  const { endpoint, accessKeyId: id, accessKeySecret: secret } = plane
  return { endpoint, protocol: 'http', region: 'local', id, secret }
}

/** By the names that the vendors' own tools read. @throws TypeError that lists what is missing */
export function cloudAccess(target: Target, env: Readonly<Record<string, string>>): CloudAccess {
  const need = (...names: readonly string[]) => {
    const missing = names.filter((name) => !env[name])
    if (missing.length > 0)
      throw new TypeError(
        `Cannot reach ${target}: set ${missing.join(', ')} (or deploy to this machine with --local)`,
      )
    return names.map((name) => env[name] ?? '')
  }
  if (target === 'fc') {
    const [id = '', secret = '', account = '', region = ''] = need(
      'ALIBABA_CLOUD_ACCESS_KEY_ID',
      'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
      'ALIBABA_CLOUD_ACCOUNT_ID',
      'ALIBABA_CLOUD_REGION_ID',
    )
    const endpoint = env['FC_ENDPOINT'] ?? `${account}.${region}.fc.aliyuncs.com`
    return {
      endpoint,
      protocol: 'https',
      region,
      id,
      secret,
      ...tokenOf(env['ALIBABA_CLOUD_SECURITY_TOKEN']),
    }
  }
  const [id = '', secret = '', region = ''] = need(
    'TENCENTCLOUD_SECRET_ID',
    'TENCENTCLOUD_SECRET_KEY',
    'TENCENTCLOUD_REGION',
  )
  const endpoint = env['SCF_ENDPOINT'] ?? 'scf.tencentcloudapi.com'
  return { endpoint, protocol: 'https', region, id, secret, ...tokenOf(env['TENCENTCLOUD_SESSION_TOKEN']) }
}

function tokenOf(token: string | undefined): Pick<CloudAccess, 'token'> {
  return token === undefined || token === '' ? {} : { token }
}
