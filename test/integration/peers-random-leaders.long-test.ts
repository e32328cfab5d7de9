import { holdsThroughFaults } from './peers-timeline.ts';

holdsThroughFaults('random-leaders');
