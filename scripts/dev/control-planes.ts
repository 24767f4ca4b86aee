import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Credentials } from '#scripts/emulator/control-plane/api-call.ts'
import type { Addresses } from './addresses.ts'
import { type LocalImagesOptions, localImages } from './local-images.ts'

export interface ControlPlanes {
  readonly addresses: NonNullable<Addresses['controlPlanes']>
  stop(): Promise<void>
}

/** A control plane of either cloud, for deploys that need no account; what was deployed is kept in `folder`. */
export async function controlPlanes(options: LocalImagesOptions): Promise<ControlPlanes> {
  const { startControlPlane } = await import('#scripts/emulator/control-plane/start-control-plane.ts')
  const credentials: Credentials = {
    accessKeyId: 'local',
    accessKeySecret: randomBytes(24).toString('base64url'),
  }
  const resolve = localImages(options)
  const start = (platform: 'fc' | 'scf') =>
    startControlPlane({
      platform,
      credentials,
      resolve,
      folder: join(options.folder, 'control-planes', platform),
    })
  const [fc, scf] = await Promise.all([start('fc'), start('scf')])
  return {
    addresses: {
      fc: { endpoint: fc.endpoint, ...credentials },
      scf: { endpoint: scf.endpoint, ...credentials },
    },
    stop: async () => void (await Promise.all([fc.stop(), scf.stop()])),
  }
}
