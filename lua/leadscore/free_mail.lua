-- Domains of mail providers that anyone may have an address at: such an address says nothing of the company. A list of
-- your own can take its place (`--free-mail FILE`).

local DOMAINS = [[
gmail.com googlemail.com outlook.com hotmail.com hotmail.co.uk hotmail.de hotmail.es hotmail.fr hotmail.it hotmail.se
live.com live.co.uk live.de live.dk live.fr live.it live.nl live.no live.se msn.com passport.com windowslive.com
yahoo.com yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.cn yahoo.com.hk
yahoo.com.mx yahoo.com.sg yahoo.com.tw yahoo.ca yahoo.cn yahoo.de yahoo.dk yahoo.es yahoo.fr yahoo.gr yahoo.ie yahoo.in
yahoo.it yahoo.no yahoo.se ymail.com rocketmail.com aol.com aol.co.uk aim.com
icloud.com me.com mac.com proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tutamail.com
fastmail.com fastmail.fm hey.com hushmail.com zoho.com zohomail.com mail.com email.com usa.com inbox.com
posteo.de posteo.net mailbox.org disroot.org riseup.net startmail.com runbox.com kolabnow.com
gmx.com gmx.net gmx.de gmx.at gmx.ch gmx.fr gmx.us web.de freenet.de t-online.de arcor.de online.de
orange.fr wanadoo.fr free.fr laposte.net sfr.fr bbox.fr neuf.fr club-internet.fr
libero.it virgilio.it alice.it tin.it tiscali.it email.it
terra.com.br uol.com.br bol.com.br ig.com.br terra.es telefonica.net
bluewin.ch hispeed.ch telenet.be skynet.be ziggo.nl kpnmail.nl xs4all.nl planet.nl hetnet.nl home.nl
btinternet.com sky.com talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk tiscali.co.uk
telia.com bredband.net spray.se passagen.se comhem.se online.no broadpark.no jubii.dk mail.dk ofir.dk
kolumbus.fi luukku.com suomi24.fi
seznam.cz email.cz centrum.cz atlas.cz volny.cz azet.sk zoznam.sk
wp.pl o2.pl onet.pl op.pl interia.pl poczta.onet.pl gazeta.pl tlen.pl
freemail.hu citromail.hu abv.bg mail.bg dir.bg
mail.ru bk.ru list.ru inbox.ru internet.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua bigmir.net inbox.lv
qq.com foxmail.com 163.com 126.com 139.com 188.com yeah.net sina.com sina.cn sohu.com tom.com 21cn.com aliyun.com
naver.com daum.net hanmail.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com excite.co.jp
rediffmail.com rediff.com sify.com indiatimes.com walla.co.il walla.com netvision.net.il
comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com netzero.net
optonline.net frontier.com windstream.net rogers.com sympatico.ca shaw.ca telus.net videotron.ca
bigpond.com bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz
lycos.com excite.com netscape.net mailinator.com guerrillamail.com 10minutemail.com yopmail.com trashmail.com
temp-mail.org sharklasers.com dispostable.com getnada.com maildrop.cc
]]

local list = {}
for domain in DOMAINS:gmatch("%S+") do
    list[#list + 1] = domain
end

return list
