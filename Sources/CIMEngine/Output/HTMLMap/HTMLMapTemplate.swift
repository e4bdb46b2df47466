/// The fixed parts of a map page: its head, its style and its script, which draws on a canvas and asks nothing of the
/// network.
enum HTMLMapTemplate {
  static let beforeTitle: StaticString = """
    <!doctype html>
    <html><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
    <meta name="generator" content="cimq">
    <title>
    """

  static let afterTitle: StaticString = """
    </title>
    <style>
    html,body{margin:0;height:100%;overflow:hidden;background:#f4f2ee;color:#1f2328;
    font:14px/1.45 system-ui,"Noto Sans CJK SC","Microsoft YaHei","PingFang SC",sans-serif}
    canvas{position:absolute;inset:0;width:100%;height:100%;touch-action:none;cursor:grab;outline:none}
    canvas:active{cursor:grabbing}
    .box{position:absolute;background:rgba(255,255,255,.94);border-radius:8px;box-shadow:0 1px 5px rgba(0,0,0,.25)}
    #head{left:12px;top:12px;max-width:min(34em,calc(100% - 90px));padding:10px 14px}
    #head h1{font-size:16px;margin:0 0 2px}
    #head pre{margin:4px 0;max-height:6.5em;overflow:auto;white-space:pre-wrap;word-break:break-word;
    font:12px/1.4 ui-monospace,monospace;color:#444}
    #notice{color:#8a4b00;font-size:12px}#notice:empty{display:none}
    #legend label{display:flex;align-items:center;gap:6px;cursor:pointer}
    .key{width:12px;height:12px;border-radius:3px;flex:none;border:1px solid rgba(0,0,0,.35)}
    #colour{font-size:12px;margin-top:4px}#colour select{max-width:12em}
    #tools{right:12px;top:12px;display:flex;flex-direction:column;overflow:hidden}
    #tools button{border:0;background:none;font:16px/1 system-ui;width:38px;height:36px;cursor:pointer}
    #tools button+button{border-top:1px solid #ddd}#tools button:hover{background:#eef}
    #tools button.on{background:#dbe7ff}
    #foot{left:12px;bottom:12px;padding:4px 10px;font-size:12px;display:flex;gap:14px;align-items:flex-end}
    #scale{border:2px solid #333;border-top:0;height:6px;text-align:center;line-height:0}
    #scale span{position:relative;top:-8px;background:rgba(255,255,255,.94);padding:0 4px}
    #info{right:12px;top:170px;bottom:12px;height:max-content;max-height:calc(100% - 200px);max-width:min(26em,80%);
    overflow:auto;padding:10px 12px;display:none}
    #info h2{font-size:14px;margin:0 24px 6px 0}#info td{padding:1px 8px 1px 0;vertical-align:top;font-size:13px;
    word-break:break-word}#info td:first-child{color:#666;white-space:nowrap}
    #info button{position:absolute;right:6px;top:6px;border:0;background:none;font-size:16px;cursor:pointer}
    </style></head><body>
    <canvas id="map" tabindex="0"></canvas>
    <div id="head" class="box"><h1></h1><div id="notice"></div><pre></pre><div id="legend"></div><div id="colour"></div></div>
    <div id="tools" class="box"><button id="in">+</button><button id="out">−</button><button id="home">⌂</button>
    <button id="tilt">3D</button></div>
    <div id="foot" class="box"><div id="scale"><span></span></div><div id="north">N ↑</div><div id="where"></div></div>
    <div id="info" class="box"><button>×</button><h2></h2><table></table></div>
    <noscript>This map is drawn by a script in this file; allow it to run.</noscript>

    """

  static let scriptElement: StaticString = #"""
    <script>
    'use strict';
    (() => {
    const $ = s => document.querySelector(s), parse = e => JSON.parse(e.textContent);
    const page = parse($('script.page')), zh = page.lang === 'zh';
    document.documentElement.lang = zh ? 'zh-CN' : 'en';
    const T = zh
      ? {rows: '个要素', none: '无位置', by: '着色：', layer: '按图层', coords: '坐标', zoomIn: '放大', zoomOut: '缩小',
         home: '全图', tilt: '2.5 维高度', empty: '无结果', other: '其他', null: '空'}
      : {rows: 'features', none: 'without a place', by: 'colour by ', layer: 'layer', coords: 'coordinates',
         zoomIn: 'zoom in', zoomOut: 'zoom out', home: 'whole map', tilt: '2.5D heights', empty: 'nothing found',
         other: 'other', null: 'NULL'};
    const palette = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#be185d', '#4d7c0f', '#92400e',
      '#475569'];
    const ramp = ['#fde68a', '#fbbf24', '#f97316', '#dc2626', '#7f1d1d'];

    // Rows: [geometry, id, value…], geometry [dimension, ring of whole numbers as differences, …].
    const layers = [];
    let count = 0, placeless = 0;
    let west = Infinity, south = Infinity, east = -Infinity, north = -Infinity;
    function rings(g, unit, out) {
      if (g[0] === 3) { for (let i = 1; i < g.length; i++) rings(g[i], unit, out); return out; }
      for (let i = 1; i < g.length; i++) {
        const ring = new Float64Array(g[i].length);
        let x = 0, y = 0;
        for (let j = 0; j < ring.length; j += 2) {
          x += g[i][j]; y += g[i][j + 1];
          ring[j] = x * unit; ring[j + 1] = y * unit;
          if (ring[j] < west) west = ring[j];
          if (ring[j] > east) east = ring[j];
          if (ring[j + 1] < south) south = ring[j + 1];
          if (ring[j + 1] > north) north = ring[j + 1];
        }
        if (ring.length) out.push({d: g[0], p: ring});
      }
      return out;
    }
    for (const e of document.querySelectorAll('script.layer, script.rows')) {
      if (e.className === 'layer') {
        const layer = parse(e);
        layer.features = []; layer.total = 0; layer.visible = true;
        layer.colour = palette[layers.length % palette.length];
        layers.push(layer);
        continue;
      }
      const layer = layers[layers.length - 1], unit = Math.pow(10, -layer.decimals);
      for (const row of parse(e)) {
        count++; layer.total++;
        const parts = row[0] ? rings(row[0], unit, []) : [];
        if (!parts.length) { placeless++; continue; }
        const h = layer.height < 0 ? 0 : +row[layer.height + 2] || 0, b = layer.base < 0 ? 0 : +row[layer.base + 2] || 0;
        row[0] = null;
        layer.features.push({row, parts, h, b, layer});
      }
      e.remove();
    }
    const end = parse($('script.end'));

    // Metres east and north of the middle: right to a thousandth over a city (WGS 84 radii at its latitude).
    const has = west <= east;
    const lon0 = has ? (west + east) / 2 : 0, lat0 = has ? (south + north) / 2 : 0;
    const rad = Math.PI / 180, sin2 = Math.sin(lat0 * rad) ** 2, w = 1 - 0.00669437999014 * sin2;
    const kx = rad * 6378137 / Math.sqrt(w) * Math.max(Math.cos(lat0 * rad), 0.05);
    const ky = rad * 6378137 * 0.99330562000986 / Math.pow(w, 1.5);
    const features = [];
    for (const layer of layers) for (const f of layer.features) {
      let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
      f.d = 0;
      for (const part of f.parts) {
        if (part.d > f.d) f.d = part.d;
        const p = part.p;
        for (let j = 0; j < p.length; j += 2) {
          const x = p[j] = (p[j] - lon0) * kx, y = p[j + 1] = (p[j + 1] - lat0) * ky;
          if (x < x0) x0 = x;
          if (x > x1) x1 = x;
          if (y < y0) y0 = y;
          if (y > y1) y1 = y;
        }
      }
      f.box = [x0, y0, x1, y1];
      features.push(f);
    }
    // Wide things below, small and tall things above.
    features.sort((a, b) => layers.indexOf(a.layer) - layers.indexOf(b.layer) || b.d - a.d);

    // View: the map point in the middle of the screen, and pixels in a metre.
    const canvas = $('#map'), g = canvas.getContext('2d');
    let cx = 0, cy = 0, k = 1, ratio = 1, W = 0, H = 0, chosen = null, drawn = false;
    const standing = features.some(f => f.h > 0 && f.d === 2);
    let tilt = standing;
    const sx = x => W / 2 + (x - cx) * k, sy = y => H / 2 - (y - cy) * k;
    function home() {
      const w = has ? (east - west) * kx : 1000, h = has ? (north - south) * ky : 1000;
      // The heading covers the top of the screen.
      const top = Math.min($('#head').offsetHeight + 24, H / 3);
      k = Math.min(Math.min(W * 0.88 / Math.max(w, 60), (H - top - 60) / Math.max(h, 60)), 40);
      cx = 0; cy = (top - 40) / 2 / k;
      draw();
    }
    function resize() {
      ratio = window.devicePixelRatio || 1;
      const first = !W;
      W = canvas.clientWidth; H = canvas.clientHeight;
      canvas.width = Math.round(W * ratio); canvas.height = Math.round(H * ratio);
      if (first) home(); else draw();
    }
    function zoom(factor, px = W / 2, py = H / 2) {
      const x = cx + (px - W / 2) / k, y = cy - (py - H / 2) / k;
      k = Math.min(Math.max(k * factor, 1e-7), 400);
      cx = x - (px - W / 2) / k; cy = y + (py - H / 2) / k;
      draw();
    }

    function shade(colour, by) {
      const n = parseInt(colour.slice(1), 16), c = v => Math.max(0, Math.min(255, Math.round(v * by)));
      return `rgb(${c(n >> 16)},${c(n >> 8 & 255)},${c(n & 255)})`;
    }
    let paint = f => f.layer.colour;
    function trace(part, dy) {
      const p = part.p;
      g.moveTo(sx(p[0]), sy(p[1]) - dy);
      for (let j = 2; j < p.length; j += 2) g.lineTo(sx(p[j]), sy(p[j + 1]) - dy);
    }
    function drawFlat(f, colour) {
      const b = f.box, size = Math.max(b[2] - b[0], b[3] - b[1]) * k;
      if (f.d > 0 && size < 1.5) { g.fillStyle = colour; g.fillRect(sx(b[0]) - .5, sy(b[3]) - .5, 1.5, 1.5); return; }
      for (const part of f.parts) if (part.d === 0) {
        g.fillStyle = colour; g.strokeStyle = '#fff'; g.lineWidth = 1.2;
        for (let j = 0; j < part.p.length; j += 2) {
          g.beginPath(); g.arc(sx(part.p[j]), sy(part.p[j + 1]), dot, 0, 7); g.fill();
          if (dot > 3) g.stroke();
        }
      } else if (part.d === 1) {
        g.beginPath(); trace(part, 0); g.strokeStyle = colour; g.lineWidth = 2; g.stroke();
      }
      if (f.d === 2) {
        g.beginPath();
        for (const part of f.parts) if (part.d === 2) { trace(part, 0); g.closePath(); }
        g.globalAlpha = .45; g.fillStyle = colour; g.fill('evenodd'); g.globalAlpha = 1;
        if (size > 4) { g.strokeStyle = shade(colour, .7); g.lineWidth = 1; g.stroke(); }
      }
    }
    function drawStanding(f, colour) {
      const low = f.b * k * lift, high = (f.b + f.h) * k * lift;
      g.fillStyle = shade(colour, .62);
      for (const part of f.parts) {
        const p = part.p;
        for (let j = 0; j + 3 < p.length; j += 2) {
          const ax = sx(p[j]), ay = sy(p[j + 1]), bx = sx(p[j + 2]), by = sy(p[j + 3]);
          g.beginPath();
          g.moveTo(ax, ay - low); g.lineTo(bx, by - low); g.lineTo(bx, by - high); g.lineTo(ax, ay - high);
          g.closePath(); g.fill();
        }
      }
      g.beginPath();
      for (const part of f.parts) { trace(part, high); g.closePath(); }
      g.fillStyle = shade(colour, 1.12); g.fill('evenodd');
      g.strokeStyle = shade(colour, .45); g.lineWidth = .8; g.stroke();
    }
    const lift = 0.55;
    let dot = 5, waiting = false;
    function draw() { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; drawNow(); }); } }
    function drawNow() {
      g.setTransform(ratio, 0, 0, ratio, 0, 0);
      g.clearRect(0, 0, W, H);
      const m = 40 / k, x0 = cx - W / 2 / k - m, x1 = cx + W / 2 / k + m, y1 = cy + H / 2 / k + m,
        y0 = cy - H / 2 / k - m - (tilt ? 600 * lift : 0);
      const seen = features.filter(f => f.layer.visible && f.box[0] <= x1 && f.box[2] >= x0 && f.box[1] <= y1
        && f.box[3] >= y0);
      dot = seen.length > 20000 ? 1.5 : seen.length > 2000 ? 3 : 5;
      const rises = f => tilt && f.d === 2 && f.h * k * lift > 1 && seen.length < 60000;
      const tall = [];
      for (const f of seen) if (rises(f)) tall.push(f); else drawFlat(f, paint(f));
      tall.sort((a, b) => b.box[1] - a.box[1]);
      for (const f of tall) drawStanding(f, paint(f));
      // Points stay readable in front of walls.
      if (tall.length) for (const f of seen) if (f.d === 0) drawFlat(f, paint(f));
      if (chosen && chosen.layer.visible) {
        g.lineWidth = 3; g.strokeStyle = '#111';
        const dy = rises(chosen) ? (chosen.b + chosen.h) * k * lift : 0;
        for (const part of chosen.parts) {
          g.beginPath();
          if (part.d === 0) g.arc(sx(part.p[0]), sy(part.p[1]), dot + 4, 0, 7); else trace(part, dy);
          g.stroke();
        }
      }
      scaleBar();
      drawn = true;
      document.body.dataset.drawn = seen.length;
    }
    function scaleBar() {
      let metres = 140 / k, power = Math.pow(10, Math.floor(Math.log10(metres)));
      metres = (metres / power >= 5 ? 5 : metres / power >= 2 ? 2 : 1) * power;
      $('#scale').style.width = metres * k + 'px';
      $('#scale span').textContent = metres >= 1000 ? metres / 1000 + ' km' : metres >= 1 ? metres + ' m'
        : Math.round(metres * 100) + ' cm';
    }

    // What lies under a point of the screen: the topmost feature.
    function inside(part, x, y) {
      const p = part.p;
      let odd = false;
      for (let i = 0, j = p.length - 2; i < p.length; j = i, i += 2)
        if ((p[i + 1] > y) !== (p[j + 1] > y) && x < (p[j] - p[i]) * (y - p[i + 1]) / (p[j + 1] - p[i + 1]) + p[i])
          odd = !odd;
      return odd;
    }
    function away(part, x, y) {
      const p = part.p;
      let best = Infinity;
      for (let i = 0; i < p.length; i += 2) {
        let dx = p[i] - x, dy = p[i + 1] - y;
        if (part.d === 1 && i + 3 < p.length) {
          const ux = p[i + 2] - p[i], uy = p[i + 3] - p[i + 1], l = ux * ux + uy * uy;
          const t = l ? Math.max(0, Math.min(1, -(dx * ux + dy * uy) / l)) : 0;
          dx += t * ux; dy += t * uy;
        }
        best = Math.min(best, dx * dx + dy * dy);
      }
      return Math.sqrt(best);
    }
    function hits(f, x, y) {
      const near = 8 / k, up = tilt && f.d === 2 ? (f.b + f.h) * lift : 0, b = f.box;
      if (x < b[0] - near || x > b[2] + near || y < b[1] - near || y > b[3] + near + up) return false;
      if (f.parts.some(p => p.d < 2 && away(p, x, y) <= near)) return true;
      for (let s = 0; s <= (up ? 4 : 0); s++) {
        let odd = false;
        for (const p of f.parts) if (p.d === 2 && inside(p, x, y - up * s / 4)) odd = !odd;
        if (odd) return true;
      }
      return false;
    }
    function pick(px, py) {
      const x = cx + (px - W / 2) / k, y = cy - (py - H / 2) / k;
      let found = null;
      for (const f of features) {
        if (!f.layer.visible || !hits(f, x, y)) continue;
        // Points before lines before areas, the nearer wall before the farther.
        if (!found || f.d < found.d || f.d === found.d && (f.h && found.h ? f.box[1] <= found.box[1] : true)) found = f;
      }
      select(found);
    }
    function select(f) {
      chosen = f;
      $('#info').style.display = f ? 'block' : 'none';
      if (f) {
        const names = f.layer.columns, table = $('#info table');
        $('#info h2').textContent = f.layer.title + (f.row[1] === null ? '' : ' ' + f.row[1]);
        table.textContent = '';
        names.forEach((name, i) => {
          const v = f.row[i + 2], tr = table.insertRow();
          tr.insertCell().textContent = name;
          tr.insertCell().textContent = v === null ? '' : typeof v === 'number' && !Number.isInteger(v)
            ? String(Math.round(v * 1000) / 1000) : typeof v === 'object' ? JSON.stringify(v) : String(v);
        });
        const x = (f.box[0] + f.box[2]) / 2, y = (f.box[1] + f.box[3]) / 2, tr = table.insertRow();
        tr.insertCell().textContent = T.coords;
        tr.insertCell().textContent = (x / kx + lon0).toFixed(6) + ', ' + (y / ky + lat0).toFixed(6);
      }
      draw();
    }

    // Colours by the values of a column: up to nine values, or five classes of numbers.
    function legend() {
      const box = $('#legend');
      box.textContent = '';
      for (const layer of layers) {
        const label = document.createElement('label'), tick = document.createElement('input'),
          key = document.createElement('span');
        tick.type = 'checkbox'; tick.checked = layer.visible;
        tick.onchange = () => { layer.visible = tick.checked; draw(); };
        key.className = 'key'; key.style.background = layer.colour;
        label.append(tick, key, `${layer.title}: ${layer.total.toLocaleString('en')} ${T.rows}`);
        box.append(label);
      }
      if (!count) box.append(T.empty);
      if (placeless) box.append(`(${placeless.toLocaleString('en')} ${T.none})`);
    }
    function colourBy(layer, column) {
      legend();
      if (column < 0) { paint = f => f.layer.colour; return draw(); }
      const at = column + 2, keys = [], values = layer.features.map(f => f.row[at]);
      let of;
      if (values.every(v => v === null || typeof v === 'number') && new Set(values).size > 9) {
        const sorted = values.filter(v => v !== null).sort((a, b) => a - b);
        const cuts = [1, 2, 3, 4].map(i => sorted[Math.floor(i * sorted.length / 5)]);
        of = v => v === null ? '#9ca3af' : ramp[cuts.filter(c => v >= c).length];
        const show = v => String(Math.round(v * 100) / 100);
        ramp.forEach((c, i) => keys.push([c, (i ? '≥ ' + show(cuts[i - 1]) : '< ' + show(cuts[0]))]));
      } else {
        const counts = new Map();
        for (const v of values) counts.set(String(v), (counts.get(String(v)) || 0) + 1);
        const top = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 9).map(e => e[0]);
        of = v => top.includes(String(v)) ? palette[top.indexOf(String(v))] : '#9ca3af';
        top.forEach((v, i) => keys.push([palette[i], (v === 'null' ? T.null : v) + ': ' + counts.get(v)]));
        if (counts.size > 9) keys.push(['#9ca3af', T.other]);
      }
      for (const [c, text] of keys) {
        const label = document.createElement('label'), key = document.createElement('span');
        key.className = 'key'; key.style.background = c;
        label.append(key, text);
        $('#legend').append(label);
      }
      paint = f => f.layer === layer ? of(f.row[at]) : f.layer.colour;
      draw();
    }

    $('#head h1').textContent = page.title;
    $('#head pre').textContent = page.query || '';
    if (!page.query) $('#head pre').remove();
    $('#notice').textContent = [page.notice].concat(end.notices).filter(Boolean).join(' · ');
    for (const [id, text] of [['in', T.zoomIn], ['out', T.zoomOut], ['home', T.home], ['tilt', T.tilt]])
      $('#' + id).title = text;
    legend();
    if (layers.length) {
      const select = document.createElement('select');
      select.add(new Option(T.layer, '-1'));
      layers.forEach((layer, l) => layer.columns.forEach((name, c) =>
        select.add(new Option(layers.length > 1 ? layer.title + '.' + name : name, l + ':' + c))));
      select.onchange = () => {
        const [l, c] = select.value.split(':').map(Number);
        colourBy(layers[l < 0 ? 0 : l], c === undefined ? -1 : c);
      };
      $('#colour').append(T.by, select);
    }
    if (!standing) $('#tilt').remove();
    else {
      $('#tilt').className = 'on';
      $('#tilt').onclick = () => { tilt = !tilt; $('#tilt').className = tilt ? 'on' : ''; draw(); };
    }
    $('#in').onclick = () => zoom(1.6);
    $('#out').onclick = () => zoom(1 / 1.6);
    $('#home').onclick = home;
    $('#info button').onclick = () => select(null);

    const fingers = new Map();
    let moved = 0;
    canvas.addEventListener('pointerdown', e => {
      try { canvas.setPointerCapture(e.pointerId); } catch { /* a pointer made by a test */ }
      if (!fingers.size) moved = 0;
      fingers.set(e.pointerId, [e.clientX, e.clientY]);
    });
    canvas.addEventListener('pointermove', e => {
      const x = cx + (e.clientX - W / 2) / k, y = cy - (e.clientY - H / 2) / k;
      $('#where').textContent = (x / kx + lon0).toFixed(6) + ', ' + (y / ky + lat0).toFixed(6)
        + (page.crs === 'EPSG:4326' ? '' : ' ' + page.crs);
      const was = fingers.get(e.pointerId);
      if (!was) return;
      if (fingers.size === 1) {
        cx -= (e.clientX - was[0]) / k; cy += (e.clientY - was[1]) / k;
      } else {
        const other = [...fingers].find(f => f[0] !== e.pointerId)[1];
        const before = Math.hypot(was[0] - other[0], was[1] - other[1]);
        const now = Math.hypot(e.clientX - other[0], e.clientY - other[1]);
        if (before > 0) zoom(now / before, (e.clientX + other[0]) / 2, (e.clientY + other[1]) / 2);
      }
      moved += Math.abs(e.clientX - was[0]) + Math.abs(e.clientY - was[1]);
      fingers.set(e.pointerId, [e.clientX, e.clientY]);
      draw();
    });
    const up = e => {
      if (!fingers.delete(e.pointerId)) return;
      if (e.type === 'pointerup' && !fingers.size && moved < 5) pick(e.clientX, e.clientY);
    };
    canvas.addEventListener('pointerup', up);
    canvas.addEventListener('pointercancel', up);
    canvas.addEventListener('wheel', e => { e.preventDefault(); zoom(Math.exp(-e.deltaY / 400), e.clientX, e.clientY); },
      {passive: false});
    canvas.addEventListener('keydown', e => {
      const step = 60 / k;
      switch (e.key) {
        case '+': case '=': return zoom(1.6);
        case '-': return zoom(1 / 1.6);
        case '0': return home();
        case 'Escape': return select(null);
        case 'ArrowLeft': cx -= step; break;
        case 'ArrowRight': cx += step; break;
        case 'ArrowUp': cy += step; break;
        case 'ArrowDown': cy -= step; break;
        default: return;
      }
      e.preventDefault(); draw();
    });
    window.addEventListener('resize', resize);
    resize();
    document.body.dataset.features = count;
    document.body.dataset.layers = layers.length;
    // For checks and for other scripts on this page.
    window.cimqMap = {
      layers, features, pick, select, zoom, home,
      view: () => ({cx, cy, k, W, H, tilt}),
      screen: f => [sx((f.box[0] + f.box[2]) / 2), sy((f.box[1] + f.box[3]) / 2)],
    };
    })();
    </script>
    </body></html>

    """#
}
