// Runs before the first drawing, so that a chosen theme does not flash in the other one.
import { applyStoredTheme } from './theme';

applyStoredTheme();
