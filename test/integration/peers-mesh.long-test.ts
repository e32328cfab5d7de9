import { holdsThroughFaults } from './peers-timeline.ts';

holdsThroughFaults('mesh');
