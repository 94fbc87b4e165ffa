#!/bin/sh
# Starts the gateway in the foreground, on loopback, as any user; `make gateway` calls it. Settings (environment):
#   PORT=8080  WORKERS=2  DATA=./leadscore-gateway (the log is in DATA/log, nginx's own files in DATA/nginx)
#   DEFINITIONS=file or folder (score.lua beside this)   STORE=shared|redis   REDIS=host:port or a socket's path; else it
#   starts a Redis of its own, with its data in DATA/redis
#   MACHINE=0/1: the number of this machine, from 0, and how many share the Redis (at most 64)
#   KEY=text that requests must bring (Authorization: Bearer KEY)   FSYNC=never|second|always
#   LISTS=folder of NAME.csv, the lists that definitions name   DICT_SIZE=128m (of the store in shared memory)
#   NGINX=nginx or openresty   NGINX_MODULES=folder of its Lua module   LUA_ROOT, LUA_CROOT: where leadscore is
#   LUA_EXTRA=more for the Lua path   CODE_CACHE=on|off   BODY_SIZE=1m   BODY_TIMEOUT=10s   LOG_LEVEL=warn
set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${PORT:=8080}" "${WORKERS:=2}" "${DATA:=./leadscore-gateway}" "${STORE:=shared}" "${REDIS:=}"
: "${DEFINITIONS:=$here/score.lua}" "${KEY:=}" "${FSYNC:=never}" "${LISTS:=}" "${DICT_SIZE:=128m}"
: "${LUA_ROOT:=$(cd "$here/../../.." && pwd)}" "${LUA_CROOT:=}" "${LUA_EXTRA:=}" "${CODE_CACHE:=on}"
: "${BODY_SIZE:=1m}" "${BODY_TIMEOUT:=10s}" "${LOG_LEVEL:=warn}" "${ERROR_LOG:=stderr}" "${EXTRA:=}"
: "${SETTLE:=}" "${MACHINE:=}"
: "${TEMPLATE:=$here/nginx.conf}" "${NGINX_MODULES:=/usr/lib/nginx/modules}"

fail() {
    echo "gateway: $1" >&2
    exit 1
}

PATH=$PATH:/usr/sbin:/usr/local/openresty/nginx/sbin:/usr/local/openresty/bin
: "${NGINX:=$(command -v nginx || command -v openresty || true)}"
[ -n "$NGINX" ] || fail 'nginx with its Lua module is needed: apt-get install nginx libnginx-mod-http-lua lua-nginx-redis'
case $STORE in shared | redis) ;; *) fail "STORE: expected shared or redis, got $STORE" ;; esac
[ -e "$DEFINITIONS" ] || fail "DEFINITIONS: there is no $DEFINITIONS"
definitions=$(cd "$(dirname "$DEFINITIONS")" && pwd)/$(basename "$DEFINITIONS")
[ -z "$LISTS" ] || LISTS=$(cd "$LISTS" && pwd)

mkdir -p "$DATA/nginx" "$DATA/log"
DATA=$(cd "$DATA" && pwd)
# A Redis of its own ends with it.
redis=
if [ "$STORE" = redis ] && [ -z "$REDIS" ]; then
    command -v redis-server >/dev/null || fail 'redis-server is needed: apt-get install redis-server'
    mkdir -p "$DATA/redis"
    REDIS=$DATA/redis/redis.sock
    redis-server --port 0 --unixsocket "$REDIS" --unixsocketperm 600 --dir "$DATA/redis" --appendonly yes \
        --save '' --daemonize no --logfile "$DATA/redis/log" &
    redis=$!
fi
case "$DATA$definitions$LISTS" in *[\"\\\ @\|\&]*) fail 'paths with blanks, quotes, \, @, | or & cannot be used' ;; esac

# Where `make install` puts the module, else where `make` does.
if [ -z "$LUA_CROOT" ]; then
    for folder in "$LUA_ROOT/../../../lib/lua/5.1" "$LUA_ROOT/../build/lua/5.1"; do
        if [ -e "$folder/leadscore/core.so" ]; then LUA_CROOT=$(cd "$folder" && pwd); break; fi
    done
fi
lua_path="$LUA_ROOT/?.lua;$LUA_ROOT/?/init.lua;${LUA_EXTRA:+$LUA_EXTRA;};"
lua_cpath="${LUA_CROOT:+$LUA_CROOT/?.so;};"

modules=
if ! "$NGINX" -V 2>&1 | grep -q lua-nginx-module; then
    for module in ndk_http_module ngx_http_lua_module; do
        [ -e "$NGINX_MODULES/$module.so" ] || fail "there is no $NGINX_MODULES/$module.so"
        modules="$modules load_module $NGINX_MODULES/$module.so;"
    done
fi

# Workers of root's nginx are who the data belongs to; those of others are who starts it.
[ "$(id -u)" -ne 0 ] || modules="$modules user $(stat -c '%U %G' "$DATA");"

# Sockets of the two sites: a path may have 107 bytes.
sockets=$DATA/nginx
[ ${#sockets} -le 80 ] || sockets=$(mktemp -d)

# Sockets stay where nginx was killed, and would be taken for another's. Two gateways do not share a folder.
process=$(cat "$DATA/nginx/nginx.pid" 2>/dev/null || true)
if [ -n "$process" ] && tr '\0' ' ' 2>/dev/null < "/proc/$process/cmdline" | grep -q " $DATA/nginx"; then
    fail "DATA: a gateway with $DATA runs already (process $process)"
fi
rm -f "$sockets/everybody.sock" "$sockets/sales.sock"

configuration=$DATA/nginx/nginx.conf
sed -e "s|@LOAD_MODULES@|$modules|" -e "s|@WORKERS@|$WORKERS|" -e "s|@DATA@|$DATA|g" -e "s|@PORT@|$PORT|" \
    -e "s|@ERROR_LOG@|$ERROR_LOG|" -e "s|@LOG_LEVEL@|$LOG_LEVEL|" \
    -e "s|@BODY_TIMEOUT@|$BODY_TIMEOUT|" -e "s|@BODY_SIZE@|$BODY_SIZE|" -e "s|@LUA_PATH@|$lua_path|" \
    -e "s|@LUA_CPATH@|$lua_cpath|" -e "s|@CODE_CACHE@|$CODE_CACHE|" -e "s|@DICT_SIZE@|$DICT_SIZE|" \
    -e "s|@DEFINITIONS@|$definitions|" -e "s|@STORE@|$STORE|" -e "s|@REDIS@|$REDIS|" -e "s|@FSYNC@|$FSYNC|" \
    -e "s|@LISTS@|$LISTS|" -e "s|@SETTLE@|$SETTLE|" -e "s|@MACHINE@|$MACHINE|" -e "s|@SOCKETS@|$sockets|" -e "s|@EXTRA@|$EXTRA|" "$TEMPLATE" > "$configuration"

url=http://127.0.0.1:$PORT
key=${KEY:+ -H 'Authorization: Bearer $KEY'}
cat <<END
The gateway scores at $url by $definitions (store: $STORE, log: $DATA/log). Try:

  curl$key -d '{"contact_id": "42", "event": "page_viewed", "url": "/pricing"}' $url/events
  curl$key -X PUT -d '{"country": "SE", "employees": 80}' $url/contacts/42
  curl$key $url/contacts/42/score
  curl$key $url/contacts/42/explain
  curl -i '$url/beacon?contact_id=42&event=page_viewed&url=/pricing'
  curl --cookie lead_id=42 $url/          # what the site behind it is told, and which site it is
  curl $url/metrics
  leadscore score $definitions --log $DATA/log    # the same scores, by the batch

Ctrl-C ends it. What was added stays in the log, from which it starts again.
END

export LEADSCORE_GATEWAY_KEY="$KEY"
# nginx takes a variable NGINX for sockets that it is to inherit.
program=$NGINX
unset NGINX LUA_INIT LUA_PATH LUA_CPATH LUA_PATH_5_1 LUA_CPATH_5_1
if [ -z "$redis" ]; then exec "$program" -e "$ERROR_LOG" -p "$DATA/nginx" -c "$configuration"; fi
trap 'kill "$redis" 2>/dev/null' EXIT
trap : INT TERM
"$program" -e "$ERROR_LOG" -p "$DATA/nginx" -c "$configuration" &
nginx=$!
trap 'kill -TERM "$nginx" 2>/dev/null' INT TERM
while kill -0 "$nginx" 2>/dev/null; do wait "$nginx" || true; done
