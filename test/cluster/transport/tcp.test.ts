import { transportConformance } from '../../conformance/transport.ts';
import { network } from './networks.ts';

transportConformance('tcp', async () => network('tcp'));
