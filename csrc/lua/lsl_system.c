/* What the command needs of the system: signals that are asked for rather than handled, the width
 * of a terminal, clocks. There is no signal handler and no static: SIGINT and SIGTERM are blocked
 * while an object lives, and asked for with a wait of no time. Threads that a job starts inherit
 * the mask. */
#include "lsl.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct interrupts {
    bool open;
    sigset_t waited;  /* what pending() asks for */
    sigset_t blocked; /* what this object blocked, and so what closing unblocks */
} interrupts;

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int close_interrupts(lua_State *L)
{
    interrupts *object = luaL_checkudata(L, 1, LSL_INTERRUPTS);
    if (object->open) {
        object->open = false;
        pthread_sigmask(SIG_UNBLOCK, &object->blocked, NULL);
    }
    return 0;
}

int lsl_interrupts_new(lua_State *L)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    interrupts *object = lsl_new(L, LSL_INTERRUPTS, sizeof *object);
    sigset_t before;
    sigemptyset(&object->waited);
    sigemptyset(&object->blocked);
    /* One that is ignored (nohup, background jobs) stays so: blocked, it would be reported. */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!is_ignored(numbers[i]))
            sigaddset(&object->waited, numbers[i]);
    if (pthread_sigmask(SIG_BLOCK, &object->waited, &before) != 0)
        return luaL_error(L, "leadscore: cannot block signals");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigismember(&object->waited, numbers[i]) == 1 && sigismember(&before, numbers[i]) == 0)
            sigaddset(&object->blocked, numbers[i]);
    object->open = true;
    return 1;
}

static int pending(lua_State *L)
{
    interrupts *object = luaL_checkudata(L, 1, LSL_INTERRUPTS);
    if (!object->open)
        return lsl_closed(L, "interrupts");
    const struct timespec no_time = {0, 0};
    int number;
    do
        number = sigtimedwait(&object->waited, NULL, &no_time);
    while (number < 0 && errno == EINTR);
    if (number < 0)
        lua_pushnil(L);
    else
        lua_pushstring(L, number == SIGINT ? "SIGINT" : "SIGTERM");
    return 1;
}

static int print_interrupts(lua_State *L)
{
    interrupts *object = luaL_checkudata(L, 1, LSL_INTERRUPTS);
    lua_pushstring(L, object->open ? "leadscore.interrupts" : "leadscore.interrupts (closed)");
    return 1;
}

int lsl_terminal(lua_State *L)
{
    int64_t descriptor = lsl_check_integer(L, 1);
    luaL_argcheck(L, descriptor >= 0 && descriptor <= INT32_MAX, 1, "file descriptor expected");
    struct winsize size;
    if (!isatty((int)descriptor))
        lua_pushnil(L);
    else if (ioctl((int)descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col != 0)
        lua_pushinteger(L, size.ws_col);
    else
        lua_pushinteger(L, 80); /* a terminal that does not say */
    return 1;
}

/* Which file a path leads to, links followed: the same text for the same file, whatever it is
 * called; nil if there is none. Inodes may have more bits than numbers of Lua. */
int lsl_file_identity(lua_State *L)
{
    struct stat status;
    char text[64];
    size_t length;
    const char *path = lsl_check_text(L, 1, &length);
    if (strlen(path) != length || stat(path, &status) != 0) {
        lua_pushnil(L);
        return 1;
    }
    snprintf(text, sizeof text, "%" PRIu64 ":%" PRIu64, (uint64_t)status.st_dev,
             (uint64_t)status.st_ino);
    lua_pushstring(L, text);
    return 1;
}

/* Waits until a file of Lua's can be read without blocking, and how many bytes are there: 0 at its
 * end, and where the system does not tell. nil: nothing came within the milliseconds. What the
 * file's own buffer holds is not counted, but it is not lost: reading takes it first. */
int lsl_wait_readable(lua_State *L)
{
    FILE **file = luaL_checkudata(L, 1, LUA_FILEHANDLE); /* first, also in a luaL_Stream */
    int64_t milliseconds = lsl_check_integer(L, 2);
    luaL_argcheck(L, *file != NULL, 1, "the file is closed");
    luaL_argcheck(L, milliseconds >= 0 && milliseconds <= INT32_MAX, 2, "milliseconds expected");
    struct pollfd waited = {fileno(*file), POLLIN, 0};
    int available = 0;
    if (poll(&waited, 1, (int)milliseconds) == 0) {
        lua_pushnil(L);
        return 1;
    }
    if (ioctl(waited.fd, FIONREAD, &available) != 0 || available < 0)
        available = 0;
    lua_pushinteger(L, available);
    return 1;
}

int lsl_clock(lua_State *L)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec * 1e-9);
    return 1;
}

int lsl_now(lua_State *L)
{
    lsl_push_integer(L, (int64_t)time(NULL));
    return 1;
}

void lsl_open_system(lua_State *L, int context)
{
    static const luaL_Reg functions[] = {
        {"__gc", close_interrupts},  {"__close", close_interrupts},
        {"close", close_interrupts}, {"__tostring", print_interrupts},
        {"pending", pending},        {NULL, NULL},
    };
    lsl_class(L, context, LSL_INTERRUPTS, functions);
}
