/** How a dry run is printed. */
export { printAction, shellLine, shellWord } from '../../domain/shell-line.ts';
