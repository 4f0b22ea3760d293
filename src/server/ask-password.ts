/** Asks for a password: twice and unseen on a terminal, otherwise one line of standard input. Never an argument. */
import { failure } from '../domain/errors.ts';

async function firstLine(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk as string;
    if (text.includes('\n') || text.length > 65_536) break;
  }
  return text.split(/\r?\n/)[0]!;
}

/** One line after the other; what is typed ahead belongs to the next. */
class UnseenLines {
  private typed = '';
  private wake: () => void = () => undefined;
  private readonly onData = (text: string): void => {
    this.typed += text;
    this.wake();
  };

  constructor() {
    process.stdin.setRawMode(true);
    process.stdin.setEncoding('utf8').on('data', this.onData).resume();
  }

  async ask(question: string): Promise<string> {
    process.stderr.write(question);
    for (;;) {
      if (/[\u0003\u0004]/.test(this.typed)) {
        process.stderr.write('\n');
        throw failure('CANCELLED', { operation: 'asking for a password' });
      }
      const end = this.typed.search(/[\r\n]/);
      if (end >= 0) {
        const line = this.typed.slice(0, end);
        this.typed = this.typed.slice(end + 1);
        process.stderr.write('\n');
        return edited(line);
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  end(): void {
    process.stdin.off('data', this.onData).pause();
    process.stdin.setRawMode(false);
  }
}

/** What stays of a line after its backspaces; other control characters are left out. */
function edited(line: string): string {
  const kept: string[] = [];
  for (const character of line) {
    if (character === '\u007f' || character === '\b') kept.pop();
    else if (character >= ' ') kept.push(character);
  }
  return kept.join('');
}

export async function askPassword(name: string): Promise<string> {
  if (!process.stdin.isTTY) return firstLine();
  // Nothing is shown from before the first question until after the last answer.
  const lines = new UnseenLines();
  try {
    const password = await lines.ask(`password of ${name}: `);
    if ((await lines.ask('once more: ')) === password) return password;
  } finally {
    lines.end();
  }
  throw failure('USAGE', { problem: 'the two are not the same; nothing was changed', command: 'user' });
}
