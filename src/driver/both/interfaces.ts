/** What is wrong with the form of `interfaces`. Pure. */
import { interfaces } from '../../domain/codec/interfaces.ts';
import { ValueProblem } from '../../domain/property.ts';

/** COMPAT: looked at even when the jail has no vnet, as the original does. */
export function interfacesProblem(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    interfaces.parse(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    return `incorrect interfaces property format: ${error.message}`;
  }
}
