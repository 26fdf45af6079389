#pragma once

namespace retina::trainer {

struct HeartbeatTimes {
  double beat_s = 1;       ///< between two signs of life
  double silent_s = 30;    ///< without one, a rank is lost
  double suspected_s = 5;  ///< the same once communication has failed
};

}  // namespace retina::trainer
