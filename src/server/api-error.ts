/**
 * A request that is answered with an error envelope: the code and the words of the documented API.
 * A failure *inside* an action is none of these: it is a normal answer that holds `error`.
 */

/** Words of the documented codes; 429 and 503 are ours, for limits that the original did not have. */
export const apiWords = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Error',
  503: 'Service Unavailable',
} as const;

export type ApiCode = keyof typeof apiWords;

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiCode;
  /** @param code answered as a string on WebSocket and as the status on REST */
  constructor(code: ApiCode) {
    super(apiWords[code]);
    this.code = code;
  }
}
