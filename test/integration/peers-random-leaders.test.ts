import { keepsItsPromise } from './peers-promise.ts';

keepsItsPromise('random-leaders');
