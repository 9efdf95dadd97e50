-- After "--": bodies, which are POSTed in turn, or "GET path token", which are asked in turn; without any, the
-- request is a GET. The figures leave as a line of JSON.
local requests, turn = {}, 0

local function made(asked)
  local path, token = asked:match("^GET (%S+) (%S+)$")
  if path then
    wrk.headers["Authorization"] = "Bearer " .. token
    return wrk.format("GET", path)
  end
  wrk.headers["Content-Type"] = "application/json"
  return wrk.format("POST", nil, nil, asked)
end

function init(args)
  for _, asked in ipairs(args) do
    requests[#requests + 1] = made(asked)
  end
  if #requests > 0 then
    request = function()
      turn = turn % #requests + 1
      return requests[turn]
    end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
