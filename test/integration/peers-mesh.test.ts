import { keepsItsPromise } from './peers-promise.ts';

keepsItsPromise('mesh');
