-- Keeps the members that the partner may have; everything else stays. No consent, no record.
local cjson = require "cjson"

ngx.req.read_body()
local ok, document = pcall(cjson.decode, ngx.req.get_body_data() or "")
if not ok or type(document.course) ~= "table" or type(document.learners) ~= "table" then
    return ngx.exit(400)
end

local learners = {}
for i, learner in ipairs(document.learners) do
    learners[i] = {
        family_name = learner.family_name,
        given_name = learner.given_name,
        patronymic = learner.patronymic,
        email = learner.email,
        position = learner.position,
        organisation = learner.organisation,
        result = learner.result,
    }
end

ngx.req.set_body_data(cjson.encode {
    course = { code = document.course.code, title = document.course.title },
    learners = learners,
})
