/** An error as the front end of the API words it: an HTTP status, a code and a message. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  /** Milliseconds for the header `x-acs-retry-after`; null: none is sent. */
  readonly retryAfterMs: number | null;

  constructor(status: number, code: string, message: string, retryAfterMs: number | null = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The errors of the reference of DeleteEnhancedVpnGateway, and those of the front end, in the cloud's own words. */
export const apiErrors = {
  configuring: () => new ApiError(400, 'VpnGateway.Configuring', 'The specified service is configuring.'),
  taskConflict: () => new ApiError(400, 'TaskConflict', 'The eip operate too frequent, TaskConflict.'),
  gatewayNotFound: (status: 400 | 404) =>
    new ApiError(
      status,
      'InvalidVpnGatewayInstanceId.NotFound',
      'The specified vpn gateway instance id does not exist.',
    ),
  hasConnections: () =>
    new ApiError(
      400,
      'VpnDependencyViolation.VpnConnection',
      'There are vpn connections on specified vpn gateway not deleted.',
    ),
  forbiddenSubUser: () =>
    new ApiError(
      403,
      'Forbidden.SubUser',
      'User not authorized to operate on the specified resource as your account is created by another user.',
    ),
  forbidden: () =>
    new ApiError(403, 'Forbidden', 'User not authorized to operate on the specified resource.'),
  forbiddenRelease: () =>
    new ApiError(403, 'ForbiddenRelease', 'Forbidden to release a prepaid instance within validity period'),
  connectionNotFound: () =>
    new ApiError(
      404,
      'InvalidVpnConnectionInstanceId.NotFound',
      'The specified vpn connection instance id does not exist.',
    ),
  tokenMismatch: () =>
    new ApiError(
      400,
      'IdempotentParameterMismatch',
      'The request uses the same client token as a previous, but non-identical request.',
    ),
  tokenInvalid: () =>
    new ApiError(400, 'InvalidClientToken', 'ClientToken must be at most 64 ASCII characters.'),
  missing: (name: string) =>
    name === 'Action'
      ? new ApiError(
          400,
          'MissingParameter',
          'The input parameter "Action" that is mandatory for processing this request is not supplied.',
        )
      : new ApiError(400, `Missing${name}`, `${name} is mandatory for this action.`),
  invalid: (name: string) =>
    new ApiError(400, `Invalid${name}`, `The specified value of "${name}" is not supported.`),
  unknownAction: () =>
    new ApiError(
      404,
      'InvalidAction.NotFound',
      'Specified api is not found, please check your url and method.',
    ),
  unknownVersion: () => new ApiError(400, 'InvalidVersion', 'Specified parameter Version is not valid.'),
  unknownRegion: () =>
    new ApiError(404, 'InvalidRegionId.NotFound', 'The specified RegionId does not exist.'),
  unsupportedMethod: () =>
    new ApiError(405, 'UnsupportedHTTPMethod', 'This http method is not supported. Use GET or POST.'),
  quotaExceeded: () =>
    new ApiError(400, 'QuotaExceeded.VpnGateway', 'The emulator holds no more than 10000 VPN gateways.'),
  internal: (
    message = 'The request processing has failed due to some unknown error, exception or failure.',
    status: 400 | 500 = 400,
  ) => new ApiError(status, 'InternalError', message),
  bodyTooLarge: () =>
    new ApiError(413, 'RequestEntityTooLarge', 'The body is larger than 64 KiB. Send less.'),
  malformed: (what: string) => new ApiError(400, 'InvalidParameter', `The request cannot be read: ${what}.`),
  signatureIncomplete: (what: string) =>
    new ApiError(
      400,
      'IncompleteSignature',
      `The request signature does not conform to Aliyun standards: ${what}.`,
    ),
  signatureMismatch: (stringToSign: string) =>
    new ApiError(
      400,
      'SignatureDoesNotMatch',
      `Specified signature is not matched with our calculation. server string to sign is:${stringToSign}`,
    ),
  keyUnknown: () => new ApiError(404, 'InvalidAccessKeyId.NotFound', 'Specified access key is not found.'),
  securityTokenMismatch: () =>
    new ApiError(
      400,
      'InvalidSecurityToken.MismatchWithAccessKey',
      'Specified SecurityToken mismatch with the AccessKey.',
    ),
  timestampExpired: () =>
    new ApiError(400, 'InvalidTimeStamp.Expired', 'Specified time stamp or date value is expired.'),
  timestampInvalid: () =>
    new ApiError(400, 'InvalidTimeStamp.Format', 'Specified time stamp or date value is not well formatted.'),
  nonceUsed: () => new ApiError(400, 'SignatureNonceUsed', 'Specified signature nonce was used already.'),
} as const;
