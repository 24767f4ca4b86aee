import type { PayAccount } from './account.ts'
import { PayRefusal } from './refusal.ts'
import { sealedResource } from './sealed-resource.ts'

/** GET /v3/certificates; a merchant that has only a public key has none. */
export function certificatesAnswer({ certificate, apiKey }: PayAccount) {
  if (certificate === undefined) throw new PayRefusal(404, 'RESOURCE_NOT_EXISTS', '无可用的平台证书')
  const { serial, pem, from, to } = certificate
  return {
    data: [
      {
        serial_no: serial,
        effective_time: from.toISOString(),
        expire_time: to.toISOString(),
        encrypt_certificate: sealedResource(Buffer.from(apiKey), pem, 'certificate'),
      },
    ],
  }
}
