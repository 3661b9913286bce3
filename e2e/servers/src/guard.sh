# Runs a server and kills it when its owner is gone: our stdin is a pipe that the owner holds.
# Lines on stdin are names of signals for the server. Arguments: folder to remove when the owner is gone, log, program…
folder=$1
log=$2
shift 2
# A key pressed in the terminal is for the owner.
trap '' HUP INT
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- &
pid=$!
(
    while read -r signal <&3; do
        kill -s "$signal" "$pid" 2>/dev/null
        echo sent
    done
    trap '' TERM
    kill -s KILL "$pid" 2>/dev/null
    while kill -s 0 "$pid" 2>/dev/null; do sleep 0.1; done
    rm -rf "$folder"
) &
watcher=$!
wait "$pid"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
