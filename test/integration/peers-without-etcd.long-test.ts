import { holdsWithoutEtcd } from './peers-timeline.ts';

holdsWithoutEtcd();
