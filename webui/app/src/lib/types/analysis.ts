//! What the packets of a TCP connection tell.

/** What the packets of a TCP connection tell of the way. */
export interface Analysis {
  first: string | null;
  last: string | null;
  packets: number;
  whole: boolean;
  gone: boolean;
  request: DirectionAnalysis;
  response: DirectionAnalysis;
}

export interface DirectionAnalysis {
  address: string;
  counted: Counted;
  sent: Series;
  retransmitted: Series;
  out_of_order: Series;
  acknowledged: Series;
  window: Series;
  rtt: Series;
  throughput: { interval_s: number; bytes: number[] };
}

/** Points in the order of time; of many, fewer than there were. */
export interface Series {
  count: number;
  points: { time_s: number; value: number; end: number | null; packet: number }[];
}

/** Milliseconds. */
export interface Spread {
  samples: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  stdev: number | null;
}

/** What is counted of a direction, as far as the page shows it. */
export interface Counted {
  packets: number;
  data_packets: number;
  data_bytes: number;
  unique_bytes: number;
  retransmitted_packets: number;
  retransmitted_bytes: number;
  out_of_order_packets: number;
  duplicate_acks: number;
  triple_duplicate_acks: number;
  sack_packets: number;
  pure_acks: number;
  resets: number;
  mss: number | null;
  window_scale: number | null;
  sack_permitted: boolean;
  timestamps: boolean;
  segment: { max: number; min: number; mean: number | null };
  window: { max: number; min: number; mean: number | null; zero: number };
  outstanding: { max: number; min: number; mean: number | null };
  initial_window_bytes: number;
  stream_length: number | null;
  missed_bytes: number | null;
  transmission_time_s: number;
  idle_max_ms: number;
  throughput: number | null;
  rtt_ms: Spread;
  rtt_handshake_ms: number | null;
  retransmission_time_ms: Spread;
}

/** Something that went wrong, with the packets that prove it. */
export interface Finding {
  cause: string;
  about: string;
  text: string;
  means: string;
  packets: number[];
  count: number;
}
