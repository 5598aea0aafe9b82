-- What wrk sends, by the name after `--`, and what it found, as one line of JSON.
-- The request is made once, before the load, so that making it costs nothing during it; of one that is traced, all but
-- 16 digits of the trace id.

-- With `Host: web` the head has 780 bytes.
local browser = {
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  ["Accept-Encoding"] = "gzip, deflate, br, zstd",
  ["Accept-Language"] = "en-GB,en;q=0.9,de;q=0.8",
  ["Cache-Control"] = "max-age=0",
  ["Cookie"] = "session=8c2f41d09be74f0e9a6d6f0c5b7a1e33; theme=dark; consent=1; cart=4f1d2a90; _ga=GA1.1.1843201.1763700000; _gid=GA1.1.5581370.1763712345; csrf=3a9d51c2e8f74b06a1d0c47e92b85f6d; lang=en; seen=1041,2277,3310,4498,5120,67",
  ["Referer"] = "http://shop.example.test/catalogue/shoes?page=3&sort=price",
  ["Sec-Fetch-Dest"] = "document",
  ["Sec-Fetch-Mode"] = "navigate",
  ["Sec-Fetch-Site"] = "same-origin",
  ["Sec-Fetch-User"] = "?1",
  ["Upgrade-Insecure-Requests"] = "1",
}

-- A request whose trace id is another one each time.
local function trace()
  local place = string.rep("f", 16)
  wrk.headers["traceparent"] = "00-" .. place .. "a3ce929d0e0e4736-00f067aa0ba902b7-01"
  local text = wrk.format()
  local first, last = text:find(place, 1, true)
  local before, behind = text:sub(1, first - 1), text:sub(last + 1)
  local count = 0
  request = function()
    count = count + 1
    return before .. string.format("%016x", count) .. behind
  end
end

function init(args)
  local kind = args[1]
  if kind == "browser" then
    for name, value in pairs(browser) do wrk.headers[name] = value end
  elseif kind == "traced" then
    trace()
  elseif kind == "post" then
    wrk.method = "POST"
    wrk.body = string.rep("0123456789abcde\n", 128)
    wrk.headers["Content-Type"] = "text/plain"
  elseif kind == "close" then
    wrk.headers["Connection"] = "close"
  elseif kind ~= nil then
    error("load.lua: no such kind of request: " .. kind)
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d},"p50Us":%.1f,"p99Us":%.1f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    e.connect, e.read, e.write, e.status, e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
