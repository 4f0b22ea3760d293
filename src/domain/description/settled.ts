/** Values that a first start decides and keeps, so that what is stored is not what was written. Pure. */
import { ip4AddressList } from '../address.ts';
import { ValueProblem } from '../property.ts';

/**
 * True when `now` is what became of `wanted`: an address for AUTOIP4, a link address for none.
 *
 * @example isSettled('ip4_addr', 'eth0|AUTOIP4', 'eth0|192.0.2.10/24') === true
 */
export function isSettled(key: string, wanted: string, now: string): boolean {
  if (/^vnet\d_mac$/.test(key)) return wanted === 'none';
  if (key !== 'ip4_addr' || !/autoip4/i.test(wanted)) return false;
  try {
    const [asked, kept] = [ip4AddressList.parse(wanted), ip4AddressList.parse(now)];
    return (
      asked.length === kept.length &&
      asked.every((item, index) => {
        const found = kept[index]!;
        return item.kind === 'auto'
          ? found.kind === 'fixed' && found.iface === item.iface
          : ip4AddressList.print([item]) === ip4AddressList.print([found]);
      })
    );
  } catch (error) {
    if (error instanceof ValueProblem) return false;
    throw error;
  }
}
