import { transportConformance } from '../../conformance/transport.ts';
import { network } from './networks.ts';

transportConformance('udp', async () => network('udp'));
