/** The server's settings and accounts. */
import type { Views } from './view.ts';

interface Listed {
  readonly name: string;
  readonly role: string;
  readonly password: boolean;
  readonly certificates: readonly string[];
}

export const serverViews: Views = {
  'server.config': {
    shows: 'lines',
    show: ({ text }: { text: string }) => ({ lines: text.trimEnd().split('\n') }),
  },
  'account.list': {
    shows: 'table',
    show: (accounts: readonly Listed[]) => ({
      table: {
        columns: ['NAME', 'ROLE', 'LOGS IN BY'],
        rows: accounts.map(({ name, role, password, certificates }) => [
          name,
          role,
          [...(password ? ['password'] : []), ...certificates.map((print) => `certificate ${print}`)].join(
            ', ',
          ),
        ]),
      },
    }),
  },
};
