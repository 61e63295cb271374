-- Makes the requests that the arguments name, one after the other on one connection, and prints the statuses.
-- Arguments: method, authority and path of each.
local requests = {}
local answered = 0

function init(args)
  for index = 1, #args, 3 do
    requests[#requests + 1] = wrk.format(args[index], args[index + 2], { Host = args[index + 1] })
  end
end

-- wrk asks for requests that it never sends, too, so what counts is how many were answered.
function request()
  return requests[answered % #requests + 1]
end

function response(status)
  answered = answered + 1
  io.write("status " .. status .. "\n")
  io.flush()
  if answered == #requests then
    wrk.thread:stop()
  end
end
