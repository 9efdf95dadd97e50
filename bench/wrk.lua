-- Bodies after "--" are POSTed in turn; without any, the request is a GET. The figures leave as a line of JSON.
local bodies, turn = {}, 0

function init(args)
  if #args > 0 then
    wrk.headers["Content-Type"] = "application/json"
    for _, body in ipairs(args) do
      bodies[#bodies + 1] = wrk.format("POST", nil, nil, body)
    end
    request = function()
      turn = turn % #bodies + 1
      return bodies[turn]
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
