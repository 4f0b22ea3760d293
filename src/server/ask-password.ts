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

function unseenLine(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8').resume();
  return new Promise((resolve, reject) => {
    let line = '';
    const end = (): void => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
    };
    const onData = (text: string): void => {
      for (const character of text) {
        if (character === '\r' || character === '\n') {
          end();
          return resolve(line);
        }
        if (character === '\u0003' || character === '\u0004') {
          end();
          return reject(failure('CANCELLED', { operation: 'asking for a password' }));
        }
        if (character === '\u007f' || character === '\b') line = [...line].slice(0, -1).join('');
        else if (character >= ' ') line += character;
      }
    };
    stdin.on('data', onData);
  });
}

export async function askPassword(name: string): Promise<string> {
  if (!process.stdin.isTTY) return firstLine();
  const password = await unseenLine(`password of ${name}: `);
  if ((await unseenLine('once more: ')) !== password)
    throw failure('USAGE', { problem: 'the two are not the same; nothing was changed', command: 'user' });
  return password;
}
